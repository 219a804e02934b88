package producer

import (
	"encoding/json"
	"fmt"
	"time"

	"pylon-kafka/extract"
)

// CheckCursor returns an error where a cursor, as the offsets topic holds it, is
// none that a stream could go on from: no document of this version, a way to read
// that the stream does not have, or one whose own cursor cannot be read.
func CheckCursor(stream string, cursor json.RawMessage) error {
	s, ok := extract.Find(stream)
	if !ok {
		return fmt.Errorf("no stream is named %q", stream)
	}
	doc, err := parseDocument(stream, cursor)
	if err != nil {
		return err
	}
	for name, p := range doc.Parts {
		into, ok := partCursors(s)[name]
		if !ok {
			return fmt.Errorf("cursor of %s: %q is no part of it", stream, name)
		}
		if err := decodeCursor(stream, p.Cursor, into); err != nil {
			return err
		}
	}
	return nil
}

// partCursors returns for each way to read a stream something that its cursor
// can be read into.
func partCursors(s extract.Stream) map[string]any {
	switch s.Sync {
	case extract.SyncIssues:
		return map[string]any{pollPart: new(extract.IssuesCursor), reconcilePart: new(reconcileCursor)}
	case extract.SyncChildren:
		return map[string]any{liveLane: new(laneCursor), backlogRole(extract.Background).name: new(laneCursor)}
	default:
		return map[string]any{refreshPart: new(refreshCursor)}
	}
}

// CursorFrom returns the cursor with which issues go on with what was updated
// since from, and everything else as before says, which may be empty. Whatever is
// read that consumers have already is compared and not published again. Other
// streams have no such cursor.
func CursorFrom(stream string, before json.RawMessage, from time.Time) (json.RawMessage, error) {
	if s, _ := extract.Find(stream); s.Sync != extract.SyncIssues {
		return nil, fmt.Errorf("%s are not read by time: only issues can be set to begin at one", stream)
	}
	doc, err := parseDocument(stream, before)
	if err != nil {
		doc = document{} // it is to be replaced
	}
	cursor, err := json.Marshal(extract.IssuesCursor{From: from.UTC()})
	if err != nil {
		return nil, fmt.Errorf("cursor of %s: %w", stream, err)
	}
	return json.Marshal(doc.with(&batch{part: pollPart, cursor: cursor}))
}

// CursorAnew returns the cursor with which a stream is published once more: it
// reads everything from the beginning, and what stands in the topic of that id
// before ends, by partition, counts as published no more. The keys there still
// count, so that what Pylon has no more gets its tombstones.
func CursorAnew(topicID string, ends map[int32]int64) (json.RawMessage, error) {
	return json.Marshal(document{TopicID: topicID, Anew: ends})
}

// ReadsIssues tells whether a stream holds what a re-read of an issue brings: the
// issues themselves and their children.
func ReadsIssues(s extract.Stream) bool {
	return s.Sync == extract.SyncIssues || s.Sync == extract.SyncChildren
}
