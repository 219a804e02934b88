package producer

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"pylon-kafka/extract"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// ErrFenced says that a newer instance has taken over a stream's transactional
// id. The older one ends and never begins again by itself: that would fence the
// newer one back.
var ErrFenced = errors.New("fenced by a newer instance with the same KAFKA_TRANSACTIONAL_ID_PREFIX " +
	"(or a transaction stayed open for longer than its timeout)")

// fenced maps every error by which Kafka says that this producer is no longer
// the owner of its transactional id to [ErrFenced], and leaves others as they
// are. Which they are was seen on Apache Kafka 4.3.1 and on kfake: the produce
// says INVALID_PRODUCER_EPOCH; a commit or an abort PRODUCER_FENCED; a commit of
// a transaction that was ended from outside INVALID_TXN_STATE.
func fenced(err error) error {
	for _, e := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidTxnState} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrFenced, err)
		}
	}
	return err
}

// fatal reports whether err ends the whole process and not just its stream: a
// newer instance is there, or the token is refused, which holds for all.
func fatal(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, extract.ErrUnauthorized)
}

// refusedError marks an error that stays until somebody does something about it.
// A sync gives up at once; a run tries again after a long pause.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

// outgrownError marks that a record was too large for its topic and is noted to
// become a dead letter: trying again at once leads on.
type outgrownError struct{ error }

func (e outgrownError) Unwrap() error { return e.error }

func outgrown(err error) bool {
	var marked outgrownError
	return errors.As(err, &marked)
}

// refused reports whether trying again soon is of no use.
func refused(err error) bool {
	var marked refusedError
	switch {
	case errors.As(err, &marked), topics.Final(err):
		return true
	case errors.Is(err, extract.ErrForbidden):
		return true // Pylon forbids the endpoint to this token
	case connect.IsDenied(err):
		return true // the cluster's ACLs
	default:
		return false
	}
}
