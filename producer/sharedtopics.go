package producer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// sharedTopics are the topics that all streams write to beside their own: that of
// dead letters and, without a registry, that of schemas. Whoever opens a stream or
// watches one has them looked at, and one look serves all. It is safe for
// concurrent use.
type sharedTopics struct {
	specs    []topics.Spec
	schemas  *schemasTopic
	interval time.Duration // how long a look is good for
	log      *slog.Logger
	looking  chan struct{} // holds something while somebody looks

	mu   sync.Mutex
	at   time.Time         // of the last look; zero: one is due
	err  error             // what it came to
	seen map[string]string // ids by name
}

func newSharedTopics(cfg *Config, log *slog.Logger) *sharedTopics {
	t := &sharedTopics{
		specs: []topics.Spec{topics.DeadLetters(&cfg.Kafka)}, interval: watchInterval, log: log,
		schemas: &schemasTopic{name: topics.Schemas(&cfg.Kafka).Name, text: make(map[string]string), lost: make(map[string]string)},
		looking: make(chan struct{}, 1), seen: make(map[string]string),
	}
	if cfg.Registry.URL == "" {
		t.specs = append(t.specs, topics.Schemas(&cfg.Kafka))
	}
	return t
}

// look makes those anew that are not there any more, unless somebody has looked
// within the interval: then it returns what that came to.
func (t *sharedTopics) look(ctx context.Context, cl *kgo.Client, k *connect.Kafka) error {
	select {
	case t.looking <- struct{}{}:
		defer func() { <-t.looking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	t.mu.Lock()
	at, err := t.at, t.err
	t.mu.Unlock()
	if time.Since(at) < t.interval {
		return err
	}
	at = time.Now()
	found, err := topics.Ensure(ctx, cl, k, t.specs...)
	if ctx.Err() == nil {
		t.note(at, found, err)
	}
	return err
}

// note keeps what a look has found. found holds nothing, or each topic, without
// an id where it failed.
func (t *sharedTopics) note(at time.Time, found []topics.Topic, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.err = at, err
	for _, now := range found {
		before := t.seen[now.Name]
		if now.ID == "" || now.ID == before {
			continue
		}
		t.seen[now.Name] = now.ID
		if before == "" {
			continue
		}
		t.log.Warn("the topic was deleted and is made anew", "topic", now.Name)
		if now.Name == t.schemas.name {
			t.schemas.lose()
		}
	}
}

// doubt has the next one look, whenever the last look was.
func (t *sharedTopics) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = time.Time{}
}

// id returns the id of a topic when it was last seen.
func (t *sharedTopics) id(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen[name]
}
