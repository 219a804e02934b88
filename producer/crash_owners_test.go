package producer_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// ownership follows by the logs of replicas which of them works which stream, and
// measures for how long a stream is with nobody. It is safe for concurrent use.
type ownership struct {
	mu      sync.Mutex
	streams map[string]*owned
	ill     map[int]bool // replicas that are dead, stand still or are cut off
}

// owned is one stream.
type owned struct {
	by      map[int]bool  // replicas
	nobody  time.Time     // since when there is none; zero: there is one
	fault   time.Time     // the last fault since then: what it hit may have been about to open the stream
	longest time.Duration // from the last fault to the opening
	whole   time.Duration // from the first
	gaps    int
}

func newOwnership(streams []string) *ownership {
	o := &ownership{streams: make(map[string]*owned), ill: make(map[int]bool)}
	for _, s := range streams {
		o.streams[s] = &owned{by: make(map[int]bool)}
	}
	return o
}

// read takes one line of a replica's log.
func (o *ownership) read(replica int, line string) {
	opened := strings.Contains(line, `msg="stream opened"`)
	if !opened && !saysEnd(line) {
		return
	}
	_, rest, _ := strings.Cut(line, " stream=")
	name, _, _ := strings.Cut(rest, " ")
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.streams[name]
	switch {
	case s == nil || o.ill[replica]:
	case opened:
		s.open(replica)
	default:
		s.close(replica, time.Now())
	}
}

// saysEnd reports whether a line says that the replica works a stream no longer.
func saysEnd(line string) bool {
	says := func(parts ...string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
	}
	return says(`msg="stream stopped, its lease is given back"`) ||
		says(`msg="the stream did not stop in time; the next owner ends its transaction"`) ||
		says(`msg="the stream's lease is another partition now, which is not this replica's"`) ||
		says(`msg="stream is down; trying again"`, `error="the stream's lease is lost:`)
}

// healthy notes that something was done to a replica. What it worked is its no
// more when that was a fault.
func (o *ownership) healthy(replica int, is bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ill[replica] = !is
	now := time.Now()
	for _, s := range o.streams {
		if is {
			continue
		}
		s.close(replica, now)
		if !s.nobody.IsZero() {
			s.fault = now
		}
	}
}

func (s *owned) open(replica int) {
	s.by[replica] = true
	if s.nobody.IsZero() {
		return
	}
	s.longest, s.whole = max(s.longest, time.Since(s.fault)), max(s.whole, time.Since(s.nobody))
	s.nobody = time.Time{}
	s.gaps++
}

func (s *owned) close(replica int, now time.Time) {
	if had := s.by[replica]; !had {
		return
	}
	delete(s.by, replica)
	if len(s.by) == 0 {
		s.nobody, s.fault = now, now
	}
}

// longest is for how long a stream was without an owner after the last fault
// meanwhile.
func (o *ownership) longest() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	var most time.Duration
	for _, s := range o.streams {
		most = max(most, s.longest)
	}
	return most
}

// String says how many gaps there were and how long the longest was.
func (o *ownership) String() string {
	longest := o.longest()
	o.mu.Lock()
	defer o.mu.Unlock()
	gaps, whole := 0, time.Duration(0)
	for _, s := range slices.Collect(maps.Values(o.streams)) {
		gaps += s.gaps
		whole = max(whole, s.whole)
	}
	return fmt.Sprintf("%d hand-overs with a gap, without an owner for at most %v after a fault (%v where faults followed each other)",
		gaps, longest.Round(10*time.Millisecond), whole.Round(10*time.Millisecond))
}
