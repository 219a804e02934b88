package extracttest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// API is the sandbox: an HTTP handler, and the methods that change what it
// serves and tell what it holds. All of them are safe for concurrent use.
type API struct {
	*workspace // the data; its methods are documented as the API's

	mux     *http.ServeMux
	serial  atomic.Uint64 // number of the request
	bufs    sync.Pool     // *[]byte
	traffic traffic
}

// traffic is what is known about requests. Its lock is taken after the store's.
type traffic struct {
	mu         sync.Mutex
	faults     []*pending
	chance     *rand.Rand
	budgets    map[string]budget
	requests   map[string]int
	rejected   int
	violations []string
	served     map[servedVersion]bool
}

// New makes a sandbox. It panics if Options hold a size that ids cannot carry.
func New(opts Options) *API {
	opts = opts.withDefaults()
	if opts.Issues >= 1<<(indexBits-childBits) {
		panic("extracttest: too many issues")
	}
	a := &API{
		workspace: newWorkspace(opts),
		traffic: traffic{
			chance:   rand.New(rand.NewPCG(uint64(opts.Seed), 2)),
			budgets:  map[string]budget{},
			requests: map[string]int{},
			served:   map[servedVersion]bool{},
		},
	}
	a.mux = a.routes()
	return a
}

// TB is what NewServer needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// Server is a sandbox on a port of this machine.
type Server struct {
	URL string // with Options.PathPrefix, without a slash at the end
	API *API

	close func()
}

// NewServer starts a sandbox for a test and stops it when the test ends.
func NewServer(tb TB, opts Options) *Server {
	tb.Helper()
	a := New(opts)
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("start the sandbox: %v", err)
	}
	srv := &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	var once sync.Once
	s := &Server{URL: "http://" + listener.Addr().String() + a.opts.PathPrefix, API: a, close: func() {
		once.Do(func() {
			_ = srv.Close() // connections that are cut are what a stop is
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				tb.Fatalf("serve the sandbox: %v", err)
			}
		})
	}}
	tb.Cleanup(s.Close)
	return s
}

// Close stops the server: connections are refused from then on. It may be
// called more than once.
func (s *Server) Close() { s.close() }
