package producertest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy carries bytes between clients and one broker, and can do to them what a
// network does. It loses no byte of a connection that lives: what it holds back
// arrives later, in order. Its methods are safe for concurrent use.
//
// A client uses it by its address where the broker advertises that
// ([Options].Fronts), or by [Proxy.Dial] whatever the broker advertises.
type Proxy struct {
	front net.Listener

	mu      sync.Mutex
	broker  string
	cut     bool
	delay   time.Duration
	flowing chan struct{} // closed while bytes may pass
	conns   map[net.Conn]struct{}
	done    bool

	running sync.WaitGroup
}

// StartProxy returns a proxy that lets everything pass and ends with the test.
// Until Connect is called it breaks each connection.
func StartProxy(tb testing.TB) *Proxy {
	tb.Helper()
	front, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listen for the proxy: %v", err)
	}
	p := &Proxy{front: front, flowing: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	close(p.flowing)
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr is the address for clients.
func (p *Proxy) Addr() string { return p.front.Addr().String() }

// Connect tells where the broker is, for connections from now on.
func (p *Proxy) Connect(broker string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broker = broker
}

// Dial connects to the broker through the proxy, whatever address is asked for:
// give it to kgo.Dialer.
func (p *Proxy) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, p.Addr())
}

// Pause holds back all bytes, both ways; connections stay, and new ones are
// taken and held as well. So looks a network that drops packets.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
		p.flowing = make(chan struct{})
	default:
	}
}

// Cut breaks all connections and each new one. So looks a network that answers
// with a reset, or a broker that is not there.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// Mend ends Pause, Cut and Delay. What Pause held back goes on.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.delay = false, 0
	p.flow()
}

// Delay makes each byte take this long, each way. The bandwidth stays.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// flow lets bytes pass. The caller holds mu.
func (p *Proxy) flow() {
	select {
	case <-p.flowing:
	default:
		close(p.flowing)
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.done = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.flow()
	p.mu.Unlock()
	_ = p.front.Close()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.front.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// keep notes a connection; false, and the connection is closed, where none may be.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || p.cut {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}

// serve carries one connection until either end, or the proxy, breaks it.
func (p *Proxy) serve(client net.Conn) {
	if !p.keep(client) {
		return
	}
	defer p.drop(client)
	p.mu.Lock()
	to := p.broker
	p.mu.Unlock()
	broker, err := net.Dial("tcp", to) //nolint:noctx // close ends it, and the broker is on this machine.
	if err != nil || !p.keep(broker) {
		return
	}
	defer p.drop(broker)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, broker}, {broker, client}} {
		both.Go(func() {
			// When one way ends so does the other: Kafka never closes only half.
			defer func() { _ = client.Close(); _ = broker.Close() }()
			p.carry(way[0], way[1])
		})
	}
	both.Wait()
}

// parcel is what was read at once, and when it may arrive.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry brings bytes from one side to the other, late by the delay.
func (p *Proxy) carry(from io.Reader, to io.Writer) {
	parcels := make(chan parcel, 1024)
	var delivering sync.WaitGroup
	delivering.Go(func() {
		for sent := range parcels {
			<-time.After(time.Until(sent.due))
			<-p.passes()
			if _, err := to.Write(sent.bytes); err != nil {
				break
			}
		}
		for range parcels {
			// The reader must not wait for a side that has left.
			continue
		}
	})
	for {
		chunk := make([]byte, 32<<10)
		n, err := from.Read(chunk)
		if n > 0 {
			parcels <- parcel{chunk[:n], time.Now().Add(p.lateness())}
		}
		if err != nil {
			break
		}
	}
	close(parcels)
	delivering.Wait()
}

func (p *Proxy) lateness() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

func (p *Proxy) passes() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flowing
}
