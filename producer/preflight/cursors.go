package preflight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/offsets"
	"pylon-kafka/offsets/topic"
)

// cursorsTime is how long the offsets topic may take to be read, which compaction
// keeps small.
const cursorsTime = 5 * time.Second

// cursors checks whether more than one partition of the offsets topic holds a
// cursor of the same stream, as after partitions were added: the newest counts,
// and an older one would count again if the newest were removed by hand. A topic
// that is not there or cannot be read has a check of its own, which says so.
func (c *cluster) cursors(ctx context.Context, opts *Options) Check {
	const name = "cursors"
	limited, cancel := context.WithTimeout(ctx, cursorsTime)
	defer cancel()
	options, err := c.k.Options(append([]kgo.Opt{kgo.RequestTimeoutOverhead(requestTimeout)}, opts.Dial...)...)
	if err != nil {
		return fail(name, err, "")
	}
	store := offsets.Store{Topic: c.k.Offsets(), Connector: opts.Connector, Options: options}
	contents, err := store.Read(limited, topic.Stable)
	if err != nil {
		return good(name, "none to be read")
	}
	var twice, fixes []string
	there := 0
	for _, stream := range slices.Sorted(maps.Keys(contents.Streams)) {
		found := contents.Streams[stream]
		if !errors.Is(found.Err, offsets.ErrNoCursor) {
			there++
		}
		if len(found.Older) == 0 {
			continue
		}
		twice = append(twice, fmt.Sprintf("%s: partition %d has the cursor that counts, and an older one is in %s",
			stream, found.Partition, strings.Trim(fmt.Sprint(found.Older), "[]")))
		if found.Err == nil {
			// The cursor that counts is set anew as it is; whatever sets or resets one removes the older ones.
			fixes = append(fixes, fmt.Sprintf("pylon-kafka offsets export %[1]s | pylon-kafka offsets import -", stream))
		} else {
			fixes = append(fixes, "pylon-kafka offsets reset "+stream)
		}
	}
	if len(twice) > 0 {
		return warn(name, "partitions were added to "+store.Topic+": "+strings.Join(twice, "; "), strings.Join(fixes, "\n"))
	}
	return good(name, fmt.Sprintf("%d, each in one partition", there))
}
