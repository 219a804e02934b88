package producer_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// reader reads topics as somebody else's program would: a plain consumer with
// read_committed, another implementation of Avro, schemas from the schemas
// topic. It shares no code with ours.
type reader struct {
	w       *world
	schemas map[string]*avro.Schema // by fingerprint, as the schemas topic has it
}

func (w *world) newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{w: w, schemas: make(map[string]*avro.Schema)}
	for _, rec := range r.records(t, "schemas") {
		schema, err := avro.Parse(string(rec.Value))
		if err != nil {
			t.Fatalf("schema %s: %v", rec.Key, err)
		}
		r.schemas[string(rec.Key)] = schema
	}
	return r
}

// records returns what a consumer finds in a topic, from its beginning on.
func (r *reader) records(t *testing.T, name string) []*kgo.Record {
	t.Helper()
	topic := r.w.topicOf(name)
	cl, err := kgo.NewClient(append(slices.Clone(r.w.opts),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // to know the end; they are no data
	)...)
	must(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx, topic)
	must(t, err)
	left := make(map[int32]int64)
	for partition, end := range ends[topic] {
		must(t, end.Err)
		if end.Offset > 0 {
			left[partition] = end.Offset
		}
	}
	var all []*kgo.Record
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		must(t, fetches.Err())
		for rec := range fetches.RecordsAll() {
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
			if !rec.Attrs.IsControl() {
				all = append(all, rec)
			}
		}
	}
	return all
}

// object returns the object that a record's value holds as the API sent it.
func (r *reader) object(rec *kgo.Record) (map[string]any, error) {
	fingerprint, _, err := avro.SingleObjectFingerprint(rec.Value)
	if err != nil {
		return nil, err
	}
	slices.Reverse(fingerprint[:]) // least significant byte first on the wire
	schema := r.schemas[hex.EncodeToString(fingerprint[:])]
	if schema == nil {
		return nil, fmt.Errorf("no schema has the fingerprint %x", fingerprint)
	}
	var native any
	if rest, err := schema.DecodeSingleObject(rec.Value, &native); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes are left: %w", len(rest), err)
	}
	object, ok := plain(native).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the record is a %T", native)
	}
	unmapped := make(map[string]json.RawMessage)
	if text, ok := object["unmapped"].(string); ok {
		if err := json.Unmarshal([]byte(text), &unmapped); err != nil {
			return nil, fmt.Errorf("unmapped: %w", err)
		}
	}
	delete(object, "unmapped")
	if err := unfoldSubfilters(object); err != nil {
		return nil, err
	}
	for pointer, text := range unmapped {
		if err := putBack(object, pointer, string(text)); err != nil {
			return nil, fmt.Errorf("unmapped %s: %w", pointer, err)
		}
	}
	return object, nil
}

// unfoldSubfilters puts the value in the place of the one JSON text that articles have.
func unfoldSubfilters(object map[string]any) error {
	config, _ := object["visibility_config"].(map[string]any)
	condition, _ := config["customer_visibility_condition"].(map[string]any)
	text, ok := condition["subfilters"].(string)
	if !ok {
		return nil
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return fmt.Errorf("subfilters: %w", err)
	}
	condition["subfilters"] = value
	return nil
}

// plain turns what the decoder gives into what JSON has.
func plain(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// putBack sets the JSON text at a place within an object.
func putBack(object map[string]any, pointer, text string) error {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return err
	}
	names := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	var parent any = object
	for i, name := range names {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		last := i == len(names)-1
		switch p := parent.(type) {
		case map[string]any:
			if last {
				p[name] = value
			}
			parent = p[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(p) {
				return fmt.Errorf("no element %s", name)
			}
			if last {
				p[n] = value
			}
			parent = p[n]
		default:
			return fmt.Errorf("%s is within a %T", name, parent)
		}
	}
	return nil
}

// wantEachObjectOnce fails unless a topic holds each object of the sandbox in
// one record, equal field by field, and nothing else.
func (r *reader) wantEachObjectOnce(t *testing.T, stream string) (records int) {
	t.Helper()
	truth := r.w.truth(t, stream)
	seen := make(map[string]bool)
	for _, rec := range r.records(t, stream) {
		records++
		key := string(rec.Key)
		if seen[key] {
			t.Errorf("%s %s: more than one record", stream, key)
		}
		seen[key] = true
		r.wantObject(t, stream, rec, truth)
	}
	for key := range truth {
		if !seen[key] {
			t.Errorf("%s %s: no record", stream, key)
		}
	}
	return records
}

// wantObject fails unless a record's value is the object of the sandbox.
func (r *reader) wantObject(t *testing.T, stream string, rec *kgo.Record, truth map[string]string) {
	t.Helper()
	want, there := truth[string(rec.Key)]
	if rec.Value == nil || !there {
		t.Errorf("%s %s: tombstone %t, in the sandbox %t", stream, rec.Key, rec.Value == nil, there)
		return
	}
	object, err := r.object(rec)
	if err != nil {
		t.Errorf("%s %s: %v", stream, rec.Key, err)
		return
	}
	text, err := json.Marshal(object)
	must(t, err)
	if got := normal(t, stream, text); got != want {
		t.Errorf("%s %s differs:\n got %s\nwant %s", stream, rec.Key, got, want)
	}
}
