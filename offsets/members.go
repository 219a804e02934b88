package offsets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Member is an instance that is in the group of the replicas now.
type Member struct {
	ClientID string // as it calls itself
	Host     string // as the broker sees it
}

func (m Member) String() string { return m.ClientID + " (" + m.Host + ")" }

// Members returns the instances in a consumer group, sorted by client id; none
// where there is no such group. Changing a cursor behind their backs fences them.
// opts say how to reach the cluster.
func Members(ctx context.Context, opts []kgo.Opt, group string) ([]Member, error) {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("group %s: make a Kafka client: %w", group, err)
	}
	defer cl.Close()
	described, err := kadm.NewClient(cl).DescribeGroups(ctx, group)
	if err == nil {
		err = described[group].Err
	}
	if errors.Is(err, kerr.GroupIDNotFound) { // Kafka 4.0 and later say so: KIP-1043
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", group, err)
	}
	var members []Member
	for _, m := range described[group].Members {
		members = append(members, Member{m.ClientID, m.ClientHost})
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.String(), b.String()) })
	return members, nil
}
