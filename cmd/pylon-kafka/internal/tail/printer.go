package tail

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPrinter prints records as lines of JSON.
type recordPrinter struct {
	out     *bufio.Writer
	options Options
	decode  valueDecoder
}

// wanted reports whether the record is one that was asked for.
func (p *recordPrinter) wanted(rec *kgo.Record) bool {
	return !p.options.OnlyKey || string(rec.Key) == p.options.Key
}

// recordLine is one record as tail prints it.
type recordLine struct {
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
func (p *recordPrinter) print(ctx context.Context, rec *kgo.Record) error {
	line := recordLine{
		Key:       string(rec.Key),
		Partition: rec.Partition,
		Offset:    rec.Offset,
		Timestamp: rec.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Value:     json.RawMessage("null"),
	}
	if rec.Value != nil {
		value, err := p.decode.json(ctx, rec.Value)
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
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	if p.options.Value && line.Error == "" {
		return encoder.Encode(line.Value)
	}
	return encoder.Encode(line)
}
