package producer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// document is what is committed for a stream: the value of "cursor" in the
// entry of the offsets topic.
type document struct {
	// TopicID is of the topic that the parts were written for. A topic that was
	// deleted and made anew has another one, and then the parts mean nothing.
	TopicID string `json:"topic_id,omitempty"`
	// UpTo says that what Pylon held then is in Kafka.
	UpTo time.Time `json:"up_to,omitzero"`
	// CaughtUpAt is when the stream last caught up with Pylon.
	CaughtUpAt time.Time `json:"caught_up_at,omitzero"`
	// Anew are positions in the stream's topic by partition: what stands before
	// them is to be published once more.
	Anew map[int32]int64 `json:"anew,omitempty"`
	// Parts are where each way to read the stream stands.
	Parts map[string]part `json:"parts,omitempty"`
}

// parseDocument reads the document of a stream. One that cannot be read stops
// the stream: where to go on is not guessed.
func parseDocument(stream string, cursor json.RawMessage) (document, error) {
	var doc document
	if len(cursor) == 0 {
		return doc, nil
	}
	dec := json.NewDecoder(bytes.NewReader(cursor))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return doc, badCursor(stream, err)
	}
	return doc, nil
}

// decodeCursor reads the cursor of a part.
func decodeCursor(stream string, cursor json.RawMessage, into any) error {
	if len(cursor) == 0 {
		return nil
	}
	if err := json.Unmarshal(cursor, into); err != nil {
		return badCursor(stream, err)
	}
	return nil
}

func badCursor(stream string, err error) error {
	return refuse("cursor of %s in the offsets topic cannot be read (%w): "+
		"reset the stream (`pylon-kafka offsets reset %s`), or run the version that wrote it", stream, err, stream)
}

// fit returns the document as it holds for a topic at a time, and what is to
// be said about the difference, or "".
//
// The parts of another topic are dropped. A moment of the future is a clock that
// jumped: it counts as now, so that what is due comes an interval later at most.
// The clocks of the parts named slow begin at the first start.
func (d document) fit(topicID string, now time.Time, slow ...string) (document, string) {
	said := ""
	if d.TopicID != "" && d.TopicID != topicID {
		said = "the topic is not the one that the cursor was written for: everything is read and published again"
		d = document{}
	}
	d.TopicID = topicID
	parts := make(map[string]part, len(d.Parts))
	for name, p := range d.Parts {
		if p.Ended.After(now) {
			said = fmt.Sprintf("the last %s is dated in the future (%s): a clock has jumped; it counts as of now", name, p.Ended.Format(time.RFC3339))
			p.Ended = now.UTC().Truncate(time.Second)
		}
		parts[name] = p
	}
	for _, name := range slow {
		if p := parts[name]; p.Ended.IsZero() {
			p.Ended = now.UTC().Truncate(time.Second)
			parts[name] = p
		}
	}
	d.Parts = parts
	if d.UpTo.After(now) {
		d.UpTo = now.UTC()
	}
	if d.CaughtUpAt.After(now) {
		d.CaughtUpAt = now.UTC()
	}
	return d, said
}

// claimAge is how old the claims of a stream may become before they are
// committed by themselves, so that a restart begins with them.
const claimAge = time.Hour

// moves reports whether to differs from d in where reading goes on, or in claims
// that d has not or that are old.
func (d document) moves(to document) bool {
	older := func(a, b time.Time) bool { return b.Sub(a) >= claimAge }
	return older(d.UpTo, to.UpTo) || older(d.CaughtUpAt, to.CaughtUpAt) || d.TopicID != to.TopicID || !maps.EqualFunc(d.Parts, to.Parts, func(a, b part) bool {
		return a.Ended.Equal(b.Ended) && bytes.Equal(a.Cursor, b.Cursor)
	})
}

// part is where one way to read a stream stands.
type part struct {
	// Ended is when this way last reached its end; what is due follows from it.
	Ended time.Time `json:"ended_at,omitzero"`
	// Cursor is the reader's own, where to go on.
	Cursor json.RawMessage `json:"cursor,omitempty"`
}
