package producer

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"pylon-kafka/extract"
	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// ErrTakenOver says that another instance works the streams now: it was given
// their leases while this one made a sync, or it uses the same transactional ids
// without a lease. The one that was fenced does not begin again by itself, since
// that would fence the other one in turn.
var ErrTakenOver = errors.New("another instance has taken over")

// fencedError is what Kafka answers to a producer that does not own its
// transactional id any more. It happens for two reasons which Kafka does not
// tell apart: another producer took the id, or a transaction stayed open for
// longer than its timeout and the broker ended it (KIP-360, KIP-890).
type fencedError struct{ error }

func (e fencedError) Unwrap() error { return e.error }

// Fenced reports whether an error is one by which Kafka says that a producer is not
// the owner of its transactional id. Which they are was seen on Apache Kafka 4.3.1
// and on kfake: the produce says INVALID_PRODUCER_EPOCH; a commit or an abort
// PRODUCER_FENCED; a commit of a transaction that was ended from outside
// INVALID_TXN_STATE.
func Fenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.InvalidTxnState)
}

// fenced marks the errors of [Fenced], and leaves others as they are.
func fenced(err error) error {
	if Fenced(err) {
		return fencedError{err}
	}
	return err
}

func isFenced(err error) bool {
	var marked fencedError
	return errors.As(err, &marked)
}

// fatal reports whether err ends the whole process and not just its stream:
// another producer is there, the token is refused, which holds for all, or the
// cluster refuses to begin.
func fatal(err error) bool {
	var end endError
	return errors.Is(err, ErrTakenOver) || errors.Is(err, extract.ErrUnauthorized) || errors.As(err, &end)
}

// refusedError marks an error that stays until somebody does something about it.
// A sync gives up; a run tries again after a long pause.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

// refuse returns a [refusedError] with this text.
func refuse(format string, args ...any) error { return refusedError{fmt.Errorf(format, args...)} }

// againError marks an error after which the stream is opened anew without a
// pause: what was learnt from it changes what is done next.
type againError struct{ error }

func (e againError) Unwrap() error { return e.error }

func isAgain(err error) bool {
	var marked againError
	return errors.As(err, &marked)
}

// pausedError marks an error after which the pause is this one.
type pausedError struct {
	error
	pause time.Duration
}

func (e pausedError) Unwrap() error { return e.error }

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

// endError ends a run.
type endError struct{ error }

func (e endError) Unwrap() error { return e.error }
