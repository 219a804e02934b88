package lease_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/offsets/lease"
)

// TestMember_aloneHoldsEverythingAndFetchesNothing has one replica, and looks at
// what it asks of the broker while it has nothing to do.
func TestMember_aloneHoldsEverythingAndFetchesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	asked := make(chan string, 1000)
	s.cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		asked <- kmsg.NameForKey(req.Key())
		return nil, nil, false
	})
	a := s.joined(t, "a", partitions)
	if !a.Ready() || a.Err() != nil {
		t.Errorf("ready %v, error %v", a.Ready(), a.Err())
	}
	// The first heartbeats find the position in each partition beside them.
	all := make(map[string]int)
	for heartbeats := 0; heartbeats < 5; {
		name := <-asked
		all[name]++
		if name == "Heartbeat" {
			heartbeats++
		} else if heartbeats > 2 {
			t.Errorf("%s beside the heartbeats", name)
		}
	}
	if all["Fetch"] > 0 {
		t.Errorf("records are fetched: %v", all)
	}
	t.Log(all)
	a.close(t)
	if a.Ready() || len(a.Partitions()) > 0 {
		t.Errorf("after Close: ready %v, holds %v", a.Ready(), a.Partitions())
	}
	a.close(t)
	var got []string
	for _, e := range s.all() {
		got = append(got, e.What)
	}
	if diff := cmp.Diff([]string{"assigned", "revoking", "revoked"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestMember_sharesAndHandsOver adds a second and a third replica and takes them
// away again: nothing is ever held by two, and little moves.
func TestMember_sharesAndHandsOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.joined(t, "a", 16)
	before := a.Partitions()
	b := s.joined(t, "b", 8)
	kept := a.Partitions()
	for _, p := range kept {
		if !slices.Contains(before, p) {
			t.Errorf("partition %d came to a, which others need", p)
		}
	}
	owners, err := lease.Owners(t.Context(), s.adm, s.config.Group, topic)
	must(t, err)
	for _, p := range kept {
		if owners[p] != "a" {
			t.Errorf("partition %d is a's, and the cluster says %q", p, owners[p])
		}
	}
	c := s.joined(t, "c", 5)
	eventually(t, "all is shared", func() bool { return len(a.Partitions())+len(b.Partitions())+len(c.Partitions()) == partitions })
	members, err := lease.Members(t.Context(), s.adm, s.config.Group)
	must(t, err)
	byID := make(map[string]lease.Info)
	for _, m := range members {
		byID[m.ID] = m
	}
	if diff := cmp.Diff(c.Partitions(), byID[c.ID()].Partitions[topic]); diff != "" {
		t.Errorf("what c holds as the cluster says (+) and as it says (-):\n%s", diff)
	}
	if text := byID[c.ID()].String(); !strings.HasPrefix(text, "c (") {
		t.Errorf("c is called %q", text)
	}
	a.close(t)
	eventually(t, "b and c hold everything", func() bool { return len(b.Partitions())+len(c.Partitions()) == partitions })
	c.close(t)
	eventually(t, "b holds everything", func() bool { return len(b.Partitions()) == partitions })
	s.wantOneOwner(t)
	for _, name := range []string{"a", "b", "c"} {
		if n := s.count(name, "lost"); n > 0 {
			t.Errorf("%s lost partitions %d times", name, n)
		}
	}
}

// TestMember_givesBackOnlyWhenRevokedReturns keeps a stream running for a while.
func TestMember_givesBackOnlyWhenRevokedReturns(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	stopped := make(chan struct{})
	s.stopIt = func(context.Context, []int32) { <-stopped }
	a := s.joined(t, "a", 16)
	b := s.join(t, "b")
	eventually(t, "a is asked to stop", func() bool { return s.count("a", "revoking") == 1 })
	select {
	case <-b.Joined():
	case <-time.After(patience):
		t.Fatal("b is no member while it waits for its partitions")
	}
	if n := len(b.Partitions()); n > 0 || !b.Ready() || len(a.Partitions()) != 16 {
		t.Errorf("b holds %d partitions (ready %v) and a %d while a's streams stop", n, b.Ready(), len(a.Partitions()))
	}
	holds, err := a.Holds(t.Context(), s.all()[1].Partitions[0])
	must(t, err)
	if !holds {
		t.Error("a partition is not a's while its streams stop")
	}
	close(stopped)
	eventually(t, "b has its half", func() bool { return len(b.Partitions()) == 8 })
	s.wantOneOwner(t)
}

// TestMember_revokedHasABoundedTime has streams that never stop by themselves.
func TestMember_revokedHasABoundedTime(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.config.RebalanceTimeout = 300 * time.Millisecond
	s.stopIt = func(ctx context.Context, _ []int32) { <-ctx.Done() }
	s.joined(t, "a", 16)
	s.joined(t, "b", 8)
	s.wantOneOwner(t)
	events := s.all()
	if took := events[2].At.Sub(events[1].At); events[2].What != "revoked" || took < s.config.RebalanceTimeout || took > 20*s.config.RebalanceTimeout {
		t.Errorf("%s after %v, want Revoked to be told to return after %v", events[2].What, took, s.config.RebalanceTimeout)
	}
}

// TestMember_closeHurriesRevoked has streams that never stop by themselves, and a
// Close that does not wait for them.
func TestMember_closeHurriesRevoked(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.config.RebalanceTimeout = time.Hour
	s.stopIt = func(ctx context.Context, _ []int32) { <-ctx.Done() }
	a := s.joined(t, "a", 16)
	s.stopIt = nil
	b := s.join(t, "b")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	must(t, a.Close(ctx))
	eventually(t, "b has everything", func() bool { return len(b.Partitions()) == 16 })
	s.wantOneOwner(t)
}

// TestMember_losesWhatTheCoordinatorForgot throws a member out as a coordinator
// does that has not heard from it.
func TestMember_losesWhatTheCoordinatorForgot(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.joined(t, "a", 16)
	holds, err := a.Holds(t.Context(), 3)
	must(t, err)
	if !holds {
		t.Error("a does not hold partition 3")
	}
	var asked atomic.Bool
	s.cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if asked.CompareAndSwap(false, true) { // of Holds; the next is the member's own
			s.cluster.KeepControl()
		}
		return heartbeatError(req, kerr.UnknownMemberID), nil, true
	})
	holds, err = a.Holds(t.Context(), 3)
	must(t, err)
	if holds {
		t.Error("a holds partition 3, and the coordinator does not know it")
	}
	eventually(t, "a lost everything", func() bool { return s.count("a", "lost") > 0 })
	eventually(t, "a has it again", func() bool { return len(a.Partitions()) == 16 && a.Ready() && a.Err() == nil })
	s.wantOneOwner(t)
}

// TestMember_holdsWhatItWasAssigned asks for a partition of somebody else, while
// the group is being rebalanced, in a generation of which it has not heard yet, and when
// the coordinator refuses to say.
func TestMember_holdsWhatItWasAssigned(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.config.SessionTimeout = 30 * time.Second
	a := s.joined(t, "a", 16)
	answers := make(chan *kerr.Error, 10)
	s.cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		select {
		case err := <-answers:
			return heartbeatError(req, err), nil, true
		default:
			return nil, nil, false
		}
	})
	for name, c := range map[string]struct {
		partition int32
		answers   []*kerr.Error
		want      bool
		wantErr   error
	}{
		"another's":             {partition: 16},
		"ours":                  {want: true},
		"during a rebalance":    {answers: []*kerr.Error{kerr.RebalanceInProgress}, want: true},
		"in a later generation": {answers: []*kerr.Error{kerr.IllegalGeneration}, want: true},
		"no right any more":     {answers: []*kerr.Error{kerr.GroupAuthorizationFailed}, wantErr: kerr.GroupAuthorizationFailed},
	} {
		for _, err := range c.answers {
			answers <- err
		}
		holds, err := a.Holds(t.Context(), c.partition)
		if holds != c.want || !errors.Is(err, c.wantErr) {
			t.Errorf("%s: %v, %v; want %v, %v", name, holds, err, c.want, c.wantErr)
		}
	}
	for range 10 {
		answers <- kerr.IllegalGeneration
	}
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	if _, err := a.Holds(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a generation that never comes: %v", err)
	}
}

// TestMember_closesWithoutABroker loses the broker for good.
func TestMember_closesWithoutABroker(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.joined(t, "a", 16)
	s.cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if err := a.Close(ctx); err == nil || !strings.Contains(err.Error(), "leave group pylon-kafka") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("Close took %v with a second of time", took)
	}
	if s.count("a", "revoked")+s.count("a", "lost") != 1 || len(a.Partitions()) > 0 {
		t.Errorf("a keeps what it held: %v", s.all())
	}
}

// TestConfig_nothingIsSentAgainForLongerThanASession looks at every request that
// there is: a member that is cut off must not believe in what it lost while one of
// them is still tried.
func TestConfig_nothingIsSentAgainForLongerThanASession(t *testing.T) {
	t.Parallel()
	c := lease.Config{SessionTimeout: 6 * time.Second}
	for key := range int16(kmsg.MaxKey + 1) {
		if most := c.RetryTimeout(key); most <= 0 || most > c.SessionTimeout {
			t.Errorf("%s is sent again for %v, want at most %v", kmsg.NameForKey(key), most, c.SessionTimeout)
		}
	}
}

// heartbeatError is an answer to a heartbeat.
func heartbeatError(req kmsg.Request, err *kerr.Error) kmsg.Response {
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.SetVersion(req.GetVersion())
	resp.ErrorCode = err.Code
	return resp
}
