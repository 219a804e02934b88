package lease_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets/lease"
)

// TestJoin_namesWhoElseUsesTheGroup has a program with topics of its own in the
// group, and a deployment with another prefix.
func TestJoin_namesWhoElseUsesTheGroup(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(t *testing.T, s *scene){
		"another program": func(t *testing.T, s *scene) {
			t.Helper()
			other := otherProgram(t, s, kgo.ConsumeTopics("orders"))
			eventually(t, "the other program is a member", func() bool { _, generation := other.GroupMetadata(); return generation > 0 })
		},
		"another deployment": func(t *testing.T, s *scene) {
			t.Helper()
			deployment := &scene{adm: s.adm, config: s.config}
			deployment.config.Topic = "orders"
			deployment.joined(t, "orders-app", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			_, err := s.adm.CreateTopic(t.Context(), 1, 1, nil, "orders")
			must(t, err)
			other(t, s)
			var joinErr error
			eventually(t, "the group is refused", func() bool {
				m, err := lease.Join(t.Context(), s.config, s.events("a"))
				if err == nil { // the other's round was not over: the broker keeps us out
					select {
					case <-m.Failed():
					case <-time.After(patience):
						t.Fatalf("joined a group that is somebody else's: %v", m.Err())
					}
					err = m.Err()
					must(t, m.Close(t.Context()))
				}
				joinErr = err
				return strings.Contains(err.Error(), "orders]")
			})
			if !errors.Is(joinErr, lease.ErrForeign) {
				t.Errorf("error %v is not ErrForeign", joinErr)
			}
			for _, part := range []string{"group pylon-kafka", "orders-app (", "[orders]", "KAFKA_GROUP_ID"} {
				if !strings.Contains(joinErr.Error(), part) {
					t.Errorf("error %q does not say %q", joinErr, part)
				}
			}
			if n := s.count("a", "assigned"); n > 0 {
				t.Error("partitions are assigned in a group that is somebody else's")
			}
		})
	}
}

// TestMember_keepsOthersOut has another program that comes later, and wants even
// the offsets topic.
func TestMember_keepsOthersOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.joined(t, "a", 16)
	other := otherProgram(t, s, kgo.ConsumeTopics(topic))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := other.PollFetches(ctx).Err(); !errors.Is(err, kerr.InconsistentGroupProtocol) {
		t.Errorf("the other program hears %v", err)
	}
	if len(a.Partitions()) != 16 || !a.Ready() {
		t.Errorf("a holds %v", a.Partitions())
	}
}

// TestMember_failsWhereTryingAgainIsOfNoUse has coordinators that refuse.
func TestMember_failsWhereTryingAgainIsOfNoUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer *kerr.Error
		parts  []string
	}{
		"no right to the group":              {kerr.GroupAuthorizationFailed, []string{"Group pylon-kafka", "Read", "Describe"}},
		"no right to the topic":              {kerr.TopicAuthorizationFailed, []string{"Topic pylon.offsets", "Read", "Describe"}},
		"a session too short":                {kerr.InvalidSessionTimeout, []string{"session timeout of 2s", "group.min.session.timeout.ms"}},
		"another program that was too quick": {kerr.InconsistentGroupProtocol, []string{"another program"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
				s.cluster.KeepControl()
				resp := kmsg.NewPtrJoinGroupResponse()
				resp.SetVersion(req.GetVersion())
				resp.ErrorCode = c.answer.Code
				return resp, nil, true
			})
			a := s.join(t, "a")
			select {
			case <-a.Failed():
			case <-time.After(patience):
				t.Fatalf("not failed after %v: %v", patience, a.Err())
			}
			if !errors.Is(a.Err(), c.answer) || a.Ready() {
				t.Errorf("error %v, ready %v", a.Err(), a.Ready())
			}
			for _, part := range append(c.parts, "group pylon-kafka") {
				if !strings.Contains(a.Err().Error(), part) {
					t.Errorf("error %q does not say %q", a.Err(), part)
				}
			}
		})
	}
}

// TestMember_triesAgainWhereItMayHelp has a group that is full for a while.
func TestMember_triesAgainWhereItMayHelp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.cluster.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.SetVersion(req.GetVersion())
		resp.ErrorCode = kerr.GroupMaxSizeReached.Code
		return resp, nil, true
	})
	a := s.join(t, "a")
	eventually(t, "the trouble is known", func() bool { return errors.Is(a.Err(), kerr.GroupMaxSizeReached) })
	if a.Ready() {
		t.Error("ready without being a member")
	}
	eventually(t, "a has everything", func() bool { return len(a.Partitions()) == 16 && a.Err() == nil })
}

// TestJoin_saysWhatIsMissing has no config, no right, and no cluster.
func TestJoin_saysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := lease.Join(t.Context(), lease.Config{}, lease.Events{})
	for _, part := range []string{"Group", "Topic", "ClientID", "SessionTimeout", "RebalanceTimeout", "Logger", "Events"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
	s := newScene(t)
	s.cluster.ControlKey(int16(kmsg.DescribeGroups), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := kmsg.NewPtrDescribeGroupsResponse()
		resp.SetVersion(req.GetVersion())
		group := kmsg.NewDescribeGroupsResponseGroup()
		group.Group, group.ErrorCode = "pylon-kafka", kerr.GroupAuthorizationFailed.Code
		resp.Groups = append(resp.Groups, group)
		return resp, nil, true
	})
	_, err = lease.Join(t.Context(), s.config, s.events("a"))
	if !errors.Is(err, kerr.GroupAuthorizationFailed) || !strings.Contains(err.Error(), "Group pylon-kafka") {
		t.Errorf("without the right: %v", err)
	}
	s.cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err = lease.Join(ctx, s.config, s.events("a")); err == nil || !strings.Contains(err.Error(), "group pylon-kafka") {
		t.Errorf("without a cluster: %v", err)
	}
	if _, err := lease.Owners(ctx, s.adm, "pylon-kafka", topic); err == nil {
		t.Error("owners without a cluster")
	}
	broken := s.config
	broken.Options = []kgo.Opt{kgo.MaxVersions(nil), kgo.SeedBrokers()}
	if _, err := lease.Join(ctx, broken, s.events("a")); err == nil {
		t.Error("no error about options that fit nothing")
	}
}

// otherProgram is a program that has nothing to do with us, in our group.
func otherProgram(t *testing.T, s *scene, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(append(s.config.Options[:1:1], kgo.ConsumerGroup(s.config.Group), kgo.ClientID("orders-app")), opts...)...)
	must(t, err)
	t.Cleanup(cl.Close)
	return cl
}
