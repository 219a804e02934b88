package web

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pylon-kafka/cmd/pylon-kafka/internal/build"
)

// NewRegistry makes the registry that a process serves, with what is true of
// every Go process and of the build b already in it.
func NewRegistry(b build.Info) *prometheus.Registry {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "pylon_kafka_build_info",
		Help:        "What this binary was built from; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "goversion": b.Go},
	})
	info.Set(1)
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			panic(fmt.Sprintf("register on an empty registry: %v", err)) // names that clash: a mistake of ours
		}
	}
	return registry
}
