package offsets

import (
	"context"
	"maps"

	"pylon-kafka/offsets/topic"
)

// Follower reads the cursors again and again, after the first time only what is
// new. It is for those who show the cursors that others write. It is not safe for
// concurrent use.
type Follower struct {
	store Store
	id    string // of the topic that was read
	next  map[int32]int64
	last  lastRecords
}

// Follower returns one that has read nothing.
func (s Store) Follower() *Follower { return &Follower{store: s} }

// Read returns all that the topic holds for the connector, without waiting for
// open transactions, as [Store.Read] does up to [topic.Stable].
func (f *Follower) Read(ctx context.Context) (Contents, error) {
	info, err := f.store.find(ctx)
	if err != nil {
		return Contents{}, err
	}
	if f.id != info.ID || f.last == nil {
		f.id, f.next, f.last = info.ID, nil, make(lastRecords)
	}
	from, to := info.At(topic.Start), info.At(topic.Stable)
	for partition, next := range f.next { // what is before it was read, or is deleted
		if next > from[partition] && next <= to[partition] {
			from[partition] = next
		}
	}
	if !maps.Equal(from, to) {
		if err := f.store.collect(ctx, info, from, to, f.last); err != nil {
			return Contents{}, err
		}
	}
	f.next = to
	return f.store.contents(info, f.last), nil
}
