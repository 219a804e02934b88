package lease

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrForeign is wrapped by the error for a group in which somebody else is: a
// program that is not ours, or a deployment with another offsets topic.
var ErrForeign = errors.New("used by another program or deployment")

// Info is a member of a group as the cluster describes it.
type Info struct {
	ID         string             // given by the coordinator; [Member.ID] is the own one
	ClientID   string             // given by the member
	Host       string             // from where it connects
	Assignor   string             // how its group shares out, "" where the cluster does not say
	Topics     []string           // to which it subscribes; empty while the group is being rebalanced
	Partitions map[string][]int32 // what it holds, by topic, sorted; empty while the group is being rebalanced
}

// String names a member for people: client id and host.
func (i Info) String() string { return i.ClientID + " (" + strings.TrimPrefix(i.Host, "/") + ")" }

// Names names members for people, with commas between them.
func Names(members []Info) string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.String()
	}
	return strings.Join(names, ", ")
}

// Members returns who is in the group, in the order of their ids; nobody, if there
// is no such group. Of a cluster whose coordinator is not there yet, as a new one's
// whose topic for groups is still to be made, it waits for it until ctx ends.
func Members(ctx context.Context, adm *kadm.Client, group string) ([]Info, error) {
	for {
		members, err := describe(ctx, adm, group)
		switch {
		case err == nil:
			return members, nil
		case errors.Is(err, kerr.GroupAuthorizationFailed):
			return nil, noRight(group, err)
		case !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator):
			return nil, fmt.Errorf("describe group %s: %w", group, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("describe group %s: %w (%w)", group, ctx.Err(), err)
		case <-time.After(heartbeat / 4):
		}
	}
}

// describe asks once.
func describe(ctx context.Context, adm *kadm.Client, group string) ([]Info, error) {
	groups, err := adm.DescribeGroups(ctx, group)
	if err == nil {
		err = groups[group].Err
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		// Nobody, or a group of the protocol of Kafka 4, which is described otherwise.
		return describeConsumers(ctx, adm, group)
	}
	if err != nil {
		return nil, err
	}
	described := groups[group]
	members := make([]Info, 0, len(described.Members))
	for _, m := range described.Members {
		info := Info{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, Assignor: described.Protocol, Partitions: make(map[string][]int32)}
		if described.ProtocolType != "consumer" {
			info.Assignor = described.ProtocolType + ":" + described.Protocol
		}
		if joined, ok := m.Join.AsConsumer(); ok {
			info.Topics = slices.Sorted(slices.Values(joined.Topics))
		}
		if holds, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range holds.Topics {
				info.Partitions[t.Topic] = slices.Sorted(slices.Values(t.Partitions))
			}
		}
		members = append(members, info)
	}
	return members, nil
}

// describeConsumers is describe for a group with a member that leaves the
// assignment to the broker (KIP-848). Members of the older protocol, such as
// ours, may be in it as well: for their assignor the broker has no place.
func describeConsumers(ctx context.Context, adm *kadm.Client, group string) ([]Info, error) {
	groups, err := adm.DescribeConsumerGroups(ctx, group)
	if err == nil {
		err = groups[group].Err
	}
	if errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.UnsupportedVersion) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	const newProtocol = 1 // type of a member
	described := groups[group]
	members := make([]Info, 0, len(described.Members))
	for _, m := range described.Members {
		info := Info{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, Topics: slices.Sorted(slices.Values(m.SubscribedTopics)), Partitions: make(map[string][]int32)}
		if m.MemberType == newProtocol {
			info.Assignor = described.AssignorName
		}
		for topic, partitions := range m.Assignment {
			info.Partitions[topic] = slices.Sorted(maps.Keys(partitions))
		}
		members = append(members, info)
	}
	return members, nil
}

// Owners returns who holds which partition of the topic: the client id. What
// nobody holds is absent, and while the group is being rebalanced that is all.
func Owners(ctx context.Context, adm *kadm.Client, group, topic string) (map[int32]string, error) {
	members, err := Members(ctx, adm, group)
	if err != nil {
		return nil, err
	}
	owners := make(map[int32]string)
	for _, m := range members {
		for _, p := range m.Partitions[topic] {
			owners[p] = m.ClientID
		}
	}
	return owners, nil
}

// Foreign returns an error that wraps [ErrForeign] and names them if members are
// not replicas that share the topic, of the same deployment. Of a group that is being rebalanced it
// cannot tell, and says nothing.
func (c Config) Foreign(members []Info) error {
	ours := c.assignor().ProtocolName()
	var foreign []string
	for _, m := range members {
		switch {
		case m.Assignor != "" && m.Assignor != ours:
			foreign = append(foreign, fmt.Sprintf("%v, with the assignor %s and topics %v", m, m.Assignor, m.Topics))
		case len(m.Topics) > 0 && !slices.Equal(m.Topics, []string{c.Topic}):
			foreign = append(foreign, fmt.Sprintf("%v, with the topics %v", m, m.Topics))
		}
	}
	if foreign == nil {
		return nil
	}
	return fmt.Errorf("group %s: %w: %s; give this deployment a group of its own (KAFKA_GROUP_ID), or end the other", c.Group, ErrForeign, strings.Join(foreign, "; "))
}
