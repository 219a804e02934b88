package producer_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire stands between Kafka clients and a broker that advertises the wire's
// address. It can do what a broker cannot be asked for: lose a connection
// before a request arrives, lose the answer to a request that was worked, hold
// a request back, and change an answer.
type wire struct {
	front net.Listener

	mu    sync.Mutex
	back  string // the broker's address
	rules []*rule
	conns map[net.Conn]struct{}
	done  bool

	running sync.WaitGroup
}

// rule says which requests the wire meddles with, and how. Set one of the
// last four.
type rule struct {
	key      kmsg.Key
	clientID string                   // "" is any
	when     func(kmsg.Request) bool  // nil is always
	times    int                      // 0 is once
	lose     bool                     // the connection breaks before the broker has the request
	loseDone bool                     // the connection breaks instead of the answer
	hold     *hold                    // the request waits
	edit     func(kmsg.Response) bool // changes the answer; false if there is nothing to change, which does not count

	hits atomic.Int64
	wire *wire
}

// hold keeps requests waiting until letGo is called.
type hold struct {
	held, released         chan struct{} // closed when the first one waits, and when all may go
	holdOnce, releasedOnce sync.Once
}

func newHold() *hold { return &hold{held: make(chan struct{}), released: make(chan struct{})} }

// wait keeps a request.
func (h *hold) wait() {
	h.holdOnce.Do(func() { close(h.held) })
	<-h.released
}

// letGo lets all requests go, now and later.
func (h *hold) letGo() { h.releasedOnce.Do(func() { close(h.released) }) }

// Hits is how many requests were meddled with.
func (r *rule) Hits() int { return int(r.hits.Load()) }

// Remove ends the rule.
func (r *rule) Remove() {
	r.wire.mu.Lock()
	defer r.wire.mu.Unlock()
	for i, other := range r.wire.rules {
		if other == r {
			r.wire.rules = append(r.wire.rules[:i:i], r.wire.rules[i+1:]...)
			return
		}
	}
}

// openWire returns a wire without a broker.
func openWire(ctx context.Context) (*wire, error) {
	front, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{front: front, conns: make(map[net.Conn]struct{})}
	w.running.Go(w.accept)
	return w, nil
}

// Addr is the address for clients.
func (w *wire) Addr() string { return w.front.Addr().String() }

// Connect names the broker behind the wire.
func (w *wire) Connect(back string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.back = back
}

// meddle adds a rule.
func (w *wire) meddle(r *rule) *rule {
	r.wire = w
	r.times = max(r.times, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules = append(w.rules, r)
	return r
}

// rulesFor returns the rules that a request may meet.
func (w *wire) rulesFor(key kmsg.Key, clientID string) []*rule {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*rule
	for _, r := range w.rules {
		if r.key == key && (r.clientID == "" || r.clientID == clientID) {
			found = append(found, r)
		}
	}
	return found
}

// take counts a request against a rule; false if the rule is used up.
func (r *rule) take() bool {
	r.wire.mu.Lock()
	defer r.wire.mu.Unlock()
	if r.times == 0 {
		return false
	}
	r.times--
	r.hits.Add(1)
	return true
}

func (w *wire) accept() {
	for {
		client, err := w.front.Accept()
		if err != nil {
			return
		}
		w.running.Go(func() { w.serve(client) })
	}
}

// keep notes a connection so that close ends it; false if the wire is closed.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		_ = c.Close()
		return false
	}
	w.conns[c] = struct{}{}
	return true
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	_ = c.Close()
}

func (w *wire) close() {
	w.mu.Lock()
	w.done = true
	for c := range w.conns {
		_ = c.Close()
	}
	for _, r := range w.rules {
		if r.hold != nil {
			r.hold.letGo()
		}
	}
	w.mu.Unlock()
	_ = w.front.Close()
	w.running.Wait()
}

// serve carries one connection until either end, or a rule, breaks it.
func (w *wire) serve(client net.Conn) {
	if !w.keep(client) {
		return
	}
	defer w.drop(client)
	w.mu.Lock()
	back := w.back
	w.mu.Unlock()
	broker, err := net.Dial("tcp", back) //nolint:noctx // close ends it, and the broker is on this machine.
	if err != nil || !w.keep(broker) {
		return
	}
	defer w.drop(broker)
	pending := &pendingRequests{byCorrelation: make(map[int32]pendingRequest)}
	var both sync.WaitGroup
	both.Go(func() {
		defer func() { _ = client.Close() }()
		_ = w.answers(broker, client, pending)
	})
	_ = w.requests(client, broker, pending)
	_ = broker.Close()
	both.Wait()
}

// pendingRequests are those of one connection whose answers a rule wants.
type pendingRequests struct {
	mu            sync.Mutex
	byCorrelation map[int32]pendingRequest
}

type pendingRequest struct {
	req   kmsg.Request
	rules []*rule
}

var errLost = errors.New("the wire lost the connection")

func (w *wire) requests(client io.Reader, broker io.Writer, pending *pendingRequests) error {
	in := bufio.NewReader(client)
	for {
		frame, err := readFrame(in)
		if err != nil {
			return err
		}
		header := kbin.Reader{Src: frame[4:]}
		key, version, correlation := kmsg.Key(header.Int16()), header.Int16(), header.Int32()
		clientID := header.NullableString()
		if clientID == nil {
			clientID = new(string)
		}
		if rules := w.rulesFor(key, *clientID); len(rules) > 0 {
			req := kmsg.RequestForKey(int16(key))
			req.SetVersion(version)
			if req.IsFlexible() {
				kmsg.SkipTags(&header)
			}
			if err := req.ReadFrom(header.Src); err != nil {
				return fmt.Errorf("request %s: %w", key.Name(), err)
			}
			if err := meet(req, rules, correlation, pending); err != nil {
				return err
			}
		}
		if _, err := broker.Write(frame); err != nil {
			return err
		}
	}
}

// meet applies rules to a request, and notes those that want its answer.
func meet(req kmsg.Request, rules []*rule, correlation int32, pending *pendingRequests) error {
	var later []*rule
	for _, r := range rules {
		if r.when != nil && !r.when(req) {
			continue
		}
		if r.loseDone || r.edit != nil {
			later = append(later, r)
			continue
		}
		if !r.take() {
			continue
		}
		if r.lose {
			return errLost
		}
		r.hold.wait()
	}
	if len(later) > 0 {
		pending.mu.Lock()
		defer pending.mu.Unlock()
		pending.byCorrelation[correlation] = pendingRequest{req, later}
	}
	return nil
}

func (w *wire) answers(broker io.Reader, client io.Writer, pending *pendingRequests) error {
	in := bufio.NewReader(broker)
	for {
		frame, err := readFrame(in)
		if err != nil {
			return err
		}
		correlation := int32(binary.BigEndian.Uint32(frame[4:]))
		pending.mu.Lock()
		p := pending.byCorrelation[correlation]
		delete(pending.byCorrelation, correlation)
		pending.mu.Unlock()
		for _, r := range p.rules {
			if r.loseDone {
				if r.take() {
					return errLost
				}
				continue
			}
			if frame, err = r.rewrite(p.req, frame); err != nil {
				return err
			}
		}
		if _, err := client.Write(frame); err != nil {
			return err
		}
	}
}

// rewrite applies edit to an answer.
func (r *rule) rewrite(req kmsg.Request, frame []byte) ([]byte, error) {
	header := 8
	resp := req.ResponseKind()
	if resp.IsFlexible() {
		header++ // an empty list of tags
	}
	if err := resp.ReadFrom(frame[header:]); err != nil {
		return nil, fmt.Errorf("answer to %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	if !r.edit(resp) || !r.take() {
		return frame, nil
	}
	frame = resp.AppendTo(frame[:header:header])
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame, nil
}

// readFrame reads a request or an answer with the length before it.
func readFrame(in io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, 4+binary.BigEndian.Uint32(size[:]))
	copy(frame, size[:])
	_, err := io.ReadFull(in, frame[4:])
	return frame, err
}
