package preflight_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/producer"
	"pylon-kafka/producer/producertest"
)

// testTokenEndpoint has the endpoint of Kafka's tokens fail under a running
// service, whose connections then break: within 35 s the streams are down and the
// reason names the endpoint; when it answers again they are up.
func (k *secureKafka) testTokenEndpoint(t *testing.T) {
	t.Helper()
	var broken atomic.Bool
	tokens := shortTokens(t, &broken)
	proxy := producertest.StartProxy(t)
	proxy.Connect(k.addr[oauthPort])
	w := newWorld(t, k.addr[oauthPort])
	w.env = with(w.env, "PYLON_STREAMS", "tags,issues", "PYLON_POLL_INTERVAL", "5s", "KAFKA_TOPIC_PREFIX", "tokens.", "KAFKA_TRANSACTIONAL_ID_PREFIX", "tokens",
		"KAFKA_SASL_MECHANISM", "OAUTHBEARER", "KAFKA_SASL_TOKEN_URL", tokens, "KAFKA_SASL_CLIENT_ID", "c", "KAFKA_SASL_CLIENT_SECRET", hidden)
	k.grant(t, "oauth", documented("tokens")) // to all users of this listener
	p := w.pipeline(t, kgo.Dialer(proxy.Dial))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	all := func(ok func(producer.Status) bool) func() bool {
		return func() bool {
			for _, s := range p.Status() {
				if !ok(s) {
					return false
				}
			}
			return true
		}
	}
	up := all(func(s producer.Status) bool { return s.Up && !s.LastSuccess.IsZero() })
	waitUntil(t, time.Minute, p, "all are up", up)
	broken.Store(true)
	proxy.Cut()
	proxy.Mend()
	took := waitUntil(t, 35*time.Second, p, "all are down, and the reason names the endpoint", all(func(s producer.Status) bool {
		return !s.Up && strings.Contains(s.Reason, "KAFKA_SASL_TOKEN_URL") && strings.Contains(s.Reason, "503") && !strings.Contains(s.Reason, hidden)
	}))
	t.Logf("shown after %v", took)
	broken.Store(false)
	t.Logf("up again after %v", waitUntil(t, 2*time.Minute, p, "all are up again", up))
}

// waitUntil waits for ok and returns how long that took.
func waitUntil(t *testing.T, most time.Duration, p *producer.Pipeline, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > most {
			t.Fatalf("not within %v: %s: %+v", most, what, p.Status())
		}
		<-tick.C
	}
	return time.Since(began)
}

// shortTokens is a token endpoint whose tokens are used once, since they end too
// soon to be kept; while broken it answers 503.
func shortTokens(t *testing.T, broken *atomic.Bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		now := time.Now().Unix()
		token := part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":"oauth","iat":%d,"exp":%d}`, now, now+3600)) + "."
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":1}`, token)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
