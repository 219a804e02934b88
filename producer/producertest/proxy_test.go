package producertest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"pylon-kafka/producer/producertest"
)

// TestProxy_holdsBytesWhilePausedAndLosesNone sends a lot through a proxy that is
// paused and mended, and wants every byte, in order.
func TestProxy_holdsBytesWhilePausedAndLosesNone(t *testing.T) {
	t.Parallel()
	p := startEcho(t)
	conn := dial(t, p)
	roundTrip(t, conn)

	p.Pause()
	p.Pause() // twice is once
	sent := make([]byte, 1<<20)
	_, _ = rand.Read(sent)
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		written <- err
	}()
	must(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read through a paused proxy: %d bytes, %v; want to wait", n, err)
	}
	late := dial(t, p) // taken, and held as well
	p.Mend()
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	got := make([]byte, len(sent))
	_, err := io.ReadFull(conn, got)
	must(t, err)
	must(t, <-written)
	if !bytes.Equal(got, sent) {
		t.Error("the bytes that were held back are not those that were sent")
	}
	roundTrip(t, late)
}

// TestProxy_breaksConnectionsWhileCut wants old and new connections to break, and
// new ones to work when the network is mended.
func TestProxy_breaksConnectionsWhileCut(t *testing.T) {
	t.Parallel()
	p := startEcho(t)
	conn := dial(t, p)
	roundTrip(t, conn)
	p.Cut()
	wantBroken(t, conn)
	wantBroken(t, dial(t, p))
	p.Mend()
	roundTrip(t, dial(t, p))
}

// TestProxy_delaysEachWay wants an answer to take two delays, and several bytes
// under way together not to wait for each other.
func TestProxy_delaysEachWay(t *testing.T) {
	t.Parallel()
	p := startEcho(t)
	conn := dial(t, p)
	const delay = 100 * time.Millisecond
	p.Delay(delay)
	began := time.Now()
	const times = 20
	for range times {
		_, err := conn.Write([]byte("x"))
		must(t, err)
	}
	_, err := io.ReadFull(conn, make([]byte, times))
	must(t, err)
	if took := time.Since(began); took < 2*delay || took > times*delay {
		t.Errorf("%d bytes there and back took %v with a delay of %v each way", times, took, delay)
	}
	p.Mend()
	began = time.Now()
	roundTrip(t, conn)
	if took := time.Since(began); took >= 2*delay {
		t.Errorf("there and back took %v after the delay was mended", took)
	}
}

// TestProxy_breaksConnectionsWithoutABroker has nothing behind the proxy.
func TestProxy_breaksConnectionsWithoutABroker(t *testing.T) {
	t.Parallel()
	p := producertest.StartProxy(t)
	wantBroken(t, dial(t, p))
}

// startEcho starts a proxy with a server behind it that sends everything back.
func startEcho(t *testing.T) *producertest.Proxy {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	p := producertest.StartProxy(t)
	p.Connect(ln.Addr().String())
	return p
}

func dial(t *testing.T, p *producertest.Proxy) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := p.Dial(ctx, "tcp", "elsewhere:9092")
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func roundTrip(t *testing.T, conn net.Conn) {
	t.Helper()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err := conn.Write([]byte("ping"))
	must(t, err)
	got := make([]byte, 4)
	_, err = io.ReadFull(conn, got)
	must(t, err)
	if string(got) != "ping" {
		t.Errorf("got %q back", got)
	}
}

func wantBroken(t *testing.T, conn net.Conn) {
	t.Helper()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, _ = conn.Write([]byte("ping"))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v, want a connection that is broken", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
