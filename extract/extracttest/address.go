package extracttest

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
)

// UnusedAddress returns an address of this machine at which nobody listens, with a
// port that no test gets by asking for any: those are above 32767 (ip(7),
// ip_local_port_range). So it stays unused until the caller listens there, which
// may be more than once.
func UnusedAddress(tb TB) string {
	tb.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
		if err != nil {
			continue // taken
		}
		if err := listener.Close(); err != nil {
			tb.Fatalf("close the listener at %s: %v", address, err)
		}
		return address
	}
	tb.Fatalf("no port from 20000 to 31999 is free")
	return ""
}
