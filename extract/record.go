package extract

import (
	"bytes"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Record is one API object, raw.
type Record struct {
	Key       string // primary key; empty only if Err is set
	Parent    string // id of the parent object (issue or knowledge base), or empty
	CreatedAt string // created_at as the API sent it, empty where it sent none
	UpdatedAt string // updated_at, likewise
	// Hash is the hash of the content: equal for equal JSON values, without the
	// stream's Clocks and the query strings of signed URLs. It is the same in
	// every version and process.
	Hash uint64
	// JSON is the object as the API sent it, with the stream's ParentField in
	// front if it lacked it. Numbers have their digits, names may occur twice, and
	// invalid UTF-8 is as it came.
	// It is nil where Ask.Prepare was given the record.
	JSON      []byte
	Prepared  any    // what Ask.Prepare put there
	RequestID string // of the answer that held it
	// Err says why the record has no key: it wraps ErrNoKey and names stream and
	// request. JSON is then what the API sent, and may be no object.
	Err error
}

// Page is the records of one answer of the API.
type Page struct {
	Records   []Record
	RequestID string
	Date      time.Time // when the API answered, by its clock or ours, whichever is earlier
	Last      bool      // nothing follows in this pass
	// Doubtful says that in this pass, so far, a page that was promised came
	// without data. What was read is right; that something was not read is no
	// proof that it was deleted.
	Doubtful bool
	// Unread is set on the last page of a pass: the parents whose list could not be
	// read. All others were read whole.
	Unread []Unread

	first bool // of its list
}

// Unread is a parent whose list could not be read in a pass, and why.
type Unread struct {
	Parent string // id of the parent object, or the value that the list is for, such as an object type
	Err    error
}

// recorder makes the records of one answer. It is for one goroutine.
type recorder struct {
	digester

	stream    *Stream
	parent    *parent
	requestID string        // as far as it is known before the answer's end
	prepare   func(*Record) // nil: records keep their JSON
	spliced   []byte        // the last JSON that a parent was added to
}

// add appends the record of one element of a list.
func (d *recorder) add(records []Record, raw []byte) []Record {
	records = append(records, d.record(raw))
	if last := &records[len(records)-1]; d.prepare != nil && last.Err == nil {
		d.prepare(last)
		last.JSON = nil
	}
	return records
}

// record makes a record of one element of a list. Its JSON is a copy, unless it
// is for prepare: then it is good until the next element.
func (d *recorder) record(raw []byte) Record {
	s, p := d.stream, d.parent
	if raw[0] != '{' {
		return Record{JSON: bytes.Clone(raw), Err: fmt.Errorf("%w: %s instead of an object", ErrNoKey, jsontext.Value(raw).Kind())}
	}
	found := d.digest(raw, s, p.hash)
	rec := Record{Key: found.key, CreatedAt: found.createdAt, UpdatedAt: found.updatedAt, Hash: found.hash, RequestID: d.requestID}
	if s.Parent != "" {
		rec.Parent = p.id
	}
	switch {
	case rec.Key == "":
		rec.Err = fmt.Errorf("%w: %s is no string, empty or not there", ErrNoKey, s.Key)
	case s.KeyByParent:
		rec.Key = p.id + ":" + rec.Key
	}
	rec.JSON = raw
	if p.field != "" && !found.hasParent {
		d.spliced = appendSpliced(d.spliced[:0], raw, p.field)
		rec.JSON = d.spliced
	}
	if rec.Err != nil || d.prepare == nil {
		rec.JSON = bytes.Clone(rec.JSON)
	}
	return rec
}

// parent is what the records of a list belong to.
type parent struct {
	id    string // knowledge base, issue or object type; empty for none
	field string // the same as a JSON member, or empty
	hash  uint64 // of the member
}

// newParent returns the parent that records of the stream get; an empty id is none.
func newParent(s *Stream, id string) parent {
	if id == "" || s.ParentField == "" {
		return parent{id: id}
	}
	// Strings can be quoted whatever they hold; what is not UTF-8 becomes the replacement character.
	member, _ := jsontext.AppendQuote(nil, s.ParentField)
	value, _ := jsontext.AppendQuote(nil, id)
	return parent{
		id:    id,
		field: string(member) + ":" + string(value),
		hash:  memberHash(s.ParentField, id),
	}
}

// cycle finds out that cursors go round in a circle, however large, without
// keeping them: it holds on to one of them and moves on to a later one after
// twice as many pages each time (Brent's algorithm). The zero value is a pass
// that begins.
type cycle struct {
	mark         string
	steps, limit int
}

// with returns the cycle with one more cursor, and whether that one came before.
func (c cycle) with(cursor string) (cycle, bool) {
	if cursor == c.mark && c.mark != "" {
		return c, true
	}
	if c.steps++; c.steps > c.limit {
		c = cycle{mark: cursor, limit: max(1, 2*c.limit)}
	}
	return c, false
}

// quoteCursor shows a cursor in an error or a log, cut where it is long.
func quoteCursor(cursor string) string {
	const enough = 80
	if len(cursor) > enough {
		cursor = cursor[:enough] + "…"
	}
	return fmt.Sprintf("%q", cursor)
}
