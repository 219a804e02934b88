package tail

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// printer prints records as lines of JSON. It is safe for concurrent use.
type printer struct {
	options Options
	named   bool // the lines say of which topic they are

	mu      sync.Mutex
	out     *bufio.Writer
	printed int64
}

func newPrinter(w io.Writer, o Options, named bool) *printer {
	return &printer{options: o, named: named, out: bufio.NewWriter(w)}
}

// flush writes out what is held back.
func (p *printer) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Flush()
}

// count is how many records were printed.
func (p *printer) count() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed
}

// recordLine is one record as tail prints it.
type recordLine struct {
	Topic     string            `json:"topic,omitempty"`
	Key       string            `json:"key"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp string            `json:"timestamp"`
	Headers   map[string]string `json:"headers,omitempty"`
	Error     string            `json:"error,omitempty"`
	Raw       []byte            `json:"raw,omitempty"`
	Value     json.RawMessage   `json:"value"` // null for a tombstone
}

// print writes the line of one record. A record that cannot be decoded is told
// in its line and is no error: those after it are wanted too.
func (p *printer) print(ctx context.Context, rec *kgo.Record, keys keyReader, decode valueDecoder) error {
	line := recordLine{
		Key:       keys.plain(rec.Key),
		Partition: rec.Partition,
		Offset:    rec.Offset,
		Timestamp: rec.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Value:     json.RawMessage("null"),
	}
	if p.named {
		line.Topic = rec.Topic
	}
	if rec.Value != nil {
		value, err := decode.json(ctx, rec.Value)
		var unreadable *unreadableError
		switch {
		case err == nil:
			line.Value = value
		case errors.As(err, &unreadable):
			line.Error, line.Raw = unreadable.Error(), rec.Value
		default:
			return fmt.Errorf("decode record %s-%d@%d: %w", rec.Topic, rec.Partition, rec.Offset, err)
		}
	}
	if p.options.Headers && len(rec.Headers) > 0 {
		line.Headers = make(map[string]string, len(rec.Headers))
		for _, h := range rec.Headers {
			line.Headers[h.Key] = string(h.Value)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.printed++
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	if p.options.Value && line.Error == "" {
		return encoder.Encode(line.Value)
	}
	return encoder.Encode(line)
}
