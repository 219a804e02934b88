package offsets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	coordinatorWait  = 10 * time.Second       // for a group's coordinator
	coordinatorPause = 200 * time.Millisecond // between two questions for it
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
	described, err := describe(ctx, cl, group)
	if errors.Is(err, kerr.GroupIDNotFound) { // Kafka 4.0 and later say so: KIP-1043
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", group, err)
	}
	var members []Member
	for _, m := range described.Members {
		members = append(members, Member{m.ClientID, m.ClientHost})
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.String(), b.String()) })
	return members, nil
}

// describe asks the group's coordinator. A cluster that has never had a group
// makes the topic for them when it is first asked, which takes a moment.
func describe(ctx context.Context, cl *kgo.Client, group string) (kadm.DescribedGroup, error) {
	ctx, cancel := context.WithTimeout(ctx, coordinatorWait)
	defer cancel()
	for {
		all, err := kadm.NewClient(cl).DescribeGroups(ctx, group)
		if err == nil {
			err = all[group].Err
		}
		if !errors.Is(err, kerr.CoordinatorNotAvailable) {
			return all[group], err
		}
		pause := time.NewTimer(coordinatorPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return kadm.DescribedGroup{}, err
		}
	}
}
