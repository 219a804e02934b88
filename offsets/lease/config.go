package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config says which group a replica joins. It is set once; all but Options must
// be given.
type Config struct {
	Group    string // the consumer group, KAFKA_GROUP_ID
	Topic    string // the offsets topic, which must exist
	ClientID string // tells people which host or pod the member is
	// Deployment is what all members must have in common beside the topic, such as
	// the prefix of their topics; "" is nothing.
	Deployment string

	// SessionTimeout is how long a replica that is dead is missed: the group's
	// coordinator gives its partitions away when it has not heard from it for so
	// long. Brokers take 6 s to 30 min (group.min.session.timeout.ms).
	SessionTimeout time.Duration
	// RebalanceTimeout is how long [Events].Revoked may take. Kafka is told some
	// seconds more, so that who uses it up is still a member.
	RebalanceTimeout time.Duration

	Options []kgo.Opt // how to reach the cluster
	Logger  *slog.Logger
}

// Events are called when partitions come and go. Never are two called at the same
// time, and never with an empty list. Each must be set.
type Events struct {
	// Assigned: the partitions are this replica's from now on. It must not wait for
	// the streams to open: the group waits for it. Its context ends with the member.
	Assigned func(ctx context.Context, partitions []int32)
	// Revoked: the partitions go to another replica as soon as this returns, so it
	// returns when their streams have stopped. When its context ends (after
	// RebalanceTimeout, or with the context of [Member.Close]) it must cancel what
	// still runs, and return.
	Revoked func(ctx context.Context, partitions []int32)
	// Lost: the partitions may be another replica's already. Whatever runs is
	// cancelled at once. Its context ends with the member.
	Lost func(ctx context.Context, partitions []int32)
}

const (
	// heartbeat is the longest time between two heartbeats. It is also how long it
	// takes until a member hears that another one has joined or left.
	heartbeat = time.Second
	// lookAgain is how long it takes to notice that the topic was deleted or has got
	// partitions.
	lookAgain = 10 * time.Second
	// margin is what Kafka is told beyond RebalanceTimeout, and how long leaving
	// may take when the context of Close has ended.
	margin = 5 * time.Second
)

func (c Config) validate(e Events) error {
	var errs []error
	for _, missing := range []struct {
		name string
		is   bool
	}{
		{"Group", c.Group == ""},
		{"Topic", c.Topic == ""},
		{"ClientID", c.ClientID == ""},
		{"SessionTimeout", c.SessionTimeout <= 0},
		{"RebalanceTimeout", c.RebalanceTimeout <= 0},
		{"Logger", c.Logger == nil},
		{"Events", e.Assigned == nil || e.Revoked == nil || e.Lost == nil},
	} {
		if missing.is {
			errs = append(errs, fmt.Errorf("lease: %s is not set", missing.name))
		}
	}
	return errors.Join(errs...)
}

// options are those of the member's client.
func (c Config) options() []kgo.Opt {
	return append(c.Options[:len(c.Options):len(c.Options)],
		kgo.ClientID(c.ClientID),
		kgo.ConsumerGroup(c.Group),
		kgo.ConsumeTopics(c.Topic),
		kgo.Balancers(c.assignor()),
		kgo.SessionTimeout(c.SessionTimeout),
		kgo.RebalanceTimeout(c.RebalanceTimeout+margin),
		// A broker that does not answer is taken for dead within the session.
		kgo.RequestTimeoutOverhead(max(time.Second, c.SessionTimeout/3)),
		kgo.RetryTimeoutFn(c.retryTimeout),
		kgo.MetadataMaxAge(lookAgain),
		kgo.HeartbeatInterval(c.beat()),
		kgo.DisableAutoCommit(),
	)
}

// beat is the time between two heartbeats.
func (c Config) beat() time.Duration { return min(heartbeat, c.SessionTimeout/3) }

// retryTimeout is for how long a request is sent again: none for longer than the
// session, whatever it asks for. By its own defaults the client sends some again
// for 30 s (kgo.RetryTimeoutFn), and would look for the coordinator for so long.
func (c Config) retryTimeout(key int16) time.Duration {
	if kmsg.Key(key) == kmsg.FindCoordinator {
		return c.SessionTimeout / 3
	}
	return c.SessionTimeout
}

// assignor is Kafka's cooperative-sticky assignor under a name of our own: the
// broker lets nobody into the group who does not offer an assignor of the same
// name as everybody else.
type assignor struct {
	kgo.GroupBalancer

	name string
}

func (c Config) assignor() assignor {
	sticky := kgo.CooperativeStickyBalancer()
	name := sticky.ProtocolName() + ":" + c.Topic
	if c.Deployment != "" {
		name += ":" + c.Deployment
	}
	return assignor{sticky, name}
}

// ProtocolName is the assignor's name. It must stay the same from version to
// version, or a rolling update would keep the new replicas out.
func (a assignor) ProtocolName() string { return a.name }
