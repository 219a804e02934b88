package connect_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
)

// refusedTokens are tokens that last, and how to use one.
func refusedTokens(t *testing.T) (begin func() sasl.Session, requests func() int64) {
	t.Helper()
	url, asked := tokenEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token","token_type":"bearer","expires_in":3600}`)
	})
	mechanism := mechanismOf(t, oauthSettings(t, url))
	return func() sasl.Session {
		t.Helper()
		session, _, err := mechanism.Authenticate(t.Context(), "kafka")
		must(t, err)
		return session
	}, asked.Load
}

// TestKafka_aTokenThatIsRefused is asked for again, once: Kafka says why it refuses
// a token before it ends the authentication.
func TestKafka_aTokenThatIsRefused(t *testing.T) {
	t.Parallel()
	begin, requests := refusedTokens(t)
	for range 5 {
		done, last, err := begin().Challenge([]byte(`{"status":"invalid_token"}`))
		if !done || string(last) != "\x01" || err != nil {
			t.Fatalf("the answer to a refusal is %v, %q, %v: want \\x01, and the broker's error code to follow", done, last, err)
		}
	}
	if n := requests(); n != 2 {
		t.Errorf("%d requests for a token that is refused five times at once, want 2", n)
	}
}

// TestKafka_aTokenThatIsNotAccepted is asked for again a moment later: a refusal
// with an error code reaches nobody but the client library.
func TestKafka_aTokenThatIsNotAccepted(t *testing.T) {
	t.Parallel()
	begin, requests := refusedTokens(t)
	accept := func() {
		t.Helper()
		if done, last, err := begin().Challenge(nil); !done || len(last) > 0 || err != nil {
			t.Fatalf("an accepted token: %v, %q, %v", done, last, err)
		}
	}
	for range 10 {
		accept()
	}
	begin()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); requests() < 2; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("no other token is asked for")
		}
		accept()
	}
	for range 10 {
		accept()
	}
	if n := requests(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}
