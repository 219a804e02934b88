package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// leastTransaction is the shortest transaction timeout that is asked for.
const leastTransaction = 5 * time.Second

// transaction returns how long a transaction of the stream may stand open: what
// Kafka has allowed.
func (m *streamMemory) transaction() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return transactionTimeout >> m.halved
}

// halve makes transactions half as long, and reports false where that would be too
// short to be of use.
func (m *streamMemory) halve() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if transactionTimeout>>(m.halved+1) < leastTransaction {
		return false
	}
	m.halved++
	return true
}

// work is how long we try to end a transaction ourselves: transactionWork, or as
// much of a shorter timeout.
func (s *session) work() time.Duration {
	return s.memory.transaction() * (transactionWork / time.Second) / (transactionTimeout / time.Second)
}

// shortTransactions says that transactions are shorter than they should be; "":
// they are not.
func (s *session) shortTransactions() string {
	timeout := s.memory.transaction()
	if timeout == transactionTimeout {
		return ""
	}
	return fmt.Sprintf("the brokers' transaction.max.timeout.ms is below %v, so that a transaction may take %v and not %v: "+
		"a Kafka that is slow for longer ends it, and it is tried again", transactionTimeout, timeout, transactionTimeout)
}

// connect makes the session's client and opens the stream with it, with a timeout of
// transactions that Kafka takes.
func (s *session) connect(ctx context.Context, w *wire) error {
	for {
		var err error
		if s.cl, err = s.newClient(s.memory.transaction()); err != nil {
			return fmt.Errorf("kafka client: %w", err)
		}
		clear(s.shared) // the client knows no topic yet
		s.followShared()
		if err = s.load(ctx, w); err == nil {
			return nil
		}
		s.cl.Close()
		if !errors.Is(err, kerr.InvalidTransactionTimeout) {
			return err
		}
		if !s.memory.halve() {
			return refuse("%w: the brokers' transaction.max.timeout.ms must be at least %v", err, leastTransaction)
		}
		s.log.Warn("Kafka does not allow transactions of that length; half of it is tried", "now", s.memory.transaction().String(), "error", err)
	}
}
