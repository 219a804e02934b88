package offsets

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// version is the version of an [Entry]'s layout that this code writes. It
// reads this one and those before it.
const version = 1

// ErrNoCursor is returned by [Store.Load] for a stream that has none: it was
// never run, or was reset.
var ErrNoCursor = errors.New("no cursor")

// ErrUnreadable is wrapped by the error for an entry that is there and cannot be
// read: no JSON, of a later version, or another stream's. It stays so until
// somebody resets the stream or runs the program that wrote it.
var ErrUnreadable = errors.New("cursor cannot be read")

// Entry is the value of a record of the offsets topic.
type Entry struct {
	Version   int             `json:"version"`    // layout of this document
	Stream    string          `json:"stream"`     // e.g. "issues"
	Cursor    json.RawMessage `json:"cursor"`     // where to go on; opaque here
	Records   int64           `json:"records"`    // published for the stream so far, over all restarts
	UpdatedAt time.Time       `json:"updated_at"` // when this entry was written
}

// parse reads the entry of a stream; "" is any stream. The error wraps
// [ErrUnreadable].
func parse(value []byte, stream string) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(value, &e); err != nil {
		return Entry{}, fmt.Errorf("%w: the value is no cursor entry (%w)", ErrUnreadable, err)
	}
	switch {
	case e.Version < 1 || e.Version > version:
		return Entry{}, fmt.Errorf("%w: the entry has version %d, this program reads 1 to %d", ErrUnreadable, e.Version, version)
	case e.Stream == "":
		return Entry{}, fmt.Errorf("%w: the entry has no stream", ErrUnreadable)
	case stream != "" && e.Stream != stream:
		return Entry{}, fmt.Errorf("%w: the entry is of stream %q", ErrUnreadable, e.Stream)
	case len(e.Cursor) == 0 || string(e.Cursor) == "null":
		return Entry{}, fmt.Errorf("%w: the entry has no cursor", ErrUnreadable)
	}
	return e, nil
}
