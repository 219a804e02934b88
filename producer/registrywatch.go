package producer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// registryWatch asks the schema registry now and then for a schema that it gave an
// id, as a consumer does. Streams do not need it once they are open, and are not
// held up; but who reads what they publish does.
type registryWatch struct {
	registry *registrar
	states   []*state
	log      *slog.Logger
	up       prometheus.Gauge
	interval time.Duration // between two looks
	since    time.Time     // it has not answered; zero: it has
}

func newRegistryWatch(r *registrar, states []*state, log *slog.Logger, reg prometheus.Registerer) (*registryWatch, error) {
	w := &registryWatch{registry: r, states: states, log: log, interval: watchInterval, up: prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "schema_registry_up", Help: "1 while the schema registry gives the schemas that consumers ask it for.",
	})}
	w.up.Set(1)
	return w, reg.Register(w.up)
}

// run looks each interval, until ctx ends.
func (w *registryWatch) run(ctx context.Context) {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

// look asks once, and shows what has changed.
func (w *registryWatch) look(ctx context.Context) {
	const patience = 5 * time.Second
	id, ok := w.registry.anID()
	if !ok {
		return // the streams wait for it, and say so
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := w.registry.ByID(limited, id)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil && !w.since.IsZero():
		w.log.Info("the schema registry answers again", "url", w.registry.URL(), "lasted", time.Since(w.since).Round(time.Second).String())
		w.since = time.Time{}
		w.show(1, "")
	case err != nil && w.since.IsZero():
		w.since = time.Now()
		w.log.Error("the schema registry gives no schemas: records are published all the same, and consumers that need a schema from it cannot read them",
			"url", w.registry.URL(), "error", err)
		w.show(0, fmt.Sprintf("the schema registry %s gives no schemas since %s, so that consumers that need one cannot read: %v",
			w.registry.URL(), w.since.UTC().Format(time.RFC3339), err))
	}
}

func (w *registryWatch) show(up float64, warning string) {
	w.up.Set(up)
	for _, s := range w.states {
		s.warn("registry", warning)
	}
}
