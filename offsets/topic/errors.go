package topic

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	// ErrAbsent is for a topic that does not exist, or no longer.
	ErrAbsent = errors.New("the topic does not exist")
	// ErrRecreated is for a topic that was deleted and made anew: offsets in the
	// one that was mean nothing in the one that is.
	ErrRecreated = errors.New("the topic was deleted and made anew")
	// ErrPartitionsAdded is for a topic that has partitions which the reader was
	// not told of.
	ErrPartitionsAdded = errors.New("partitions were added to the topic")
	// ErrNoLeader is for a partition that has had no leader for some time
	// (ten seconds): no broker that is up has a replica that may lead.
	ErrNoLeader = errors.New("the partition has no leader: is a broker down?")
	// ErrOutOfRange is for an offset that the partition no longer holds, or does
	// not hold yet: records were deleted, or the topic was truncated.
	ErrOutOfRange = errors.New("the partition does not hold the offset")
	// ErrStalled is for a range that is not read to its end though nothing has come
	// for longer than a producer's transaction may stand open (50 seconds).
	ErrStalled = errors.New("nothing came before the end was reached")
)

// PartitionError says which partition an error is about. It wraps one of the
// errors of this package, or what Kafka said.
type PartitionError struct {
	Topic     string
	Partition int32
	Offset    int64 // the next one that was to be read; -1 where none was
	Err       error
}

func (e *PartitionError) Error() string {
	if e.Offset >= 0 {
		return fmt.Sprintf("topic %s, partition %d, offset %d: %v", e.Topic, e.Partition, e.Offset, e.Err)
	}
	return fmt.Sprintf("topic %s, partition %d: %v", e.Topic, e.Partition, e.Err)
}

func (e *PartitionError) Unwrap() error { return e.Err }

// topicError names the topic.
func topicError(name string, err error) error { return fmt.Errorf("topic %s: %w", name, err) }

// kind puts one of this package's errors around what a broker or the client said
// of a partition, where there is one that fits.
func kind(err error) error {
	var loss *kgo.ErrDataLoss // the leader's epoch says that the log was truncated
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange), errors.As(err, &loss):
		return fmt.Errorf("%w (%w)", ErrOutOfRange, err)
	case errors.Is(err, kerr.UnknownTopicID): // the client gives up after several in a row
		return fmt.Errorf("%w (%w)", ErrRecreated, err)
	default:
		return err
	}
}

func isLeaderless(err error) bool {
	return errors.Is(err, kerr.LeaderNotAvailable)
}
