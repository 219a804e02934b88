package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"pylon-kafka/extract"
)

const (
	// tokenTimeout is how long the token endpoint may take to answer.
	tokenTimeout = 10 * time.Second
	// tokenMargin is how long before its end a token is no longer used.
	tokenMargin = 30 * time.Second
	// tokenDoubt is how long a broker may take to accept a token before another
	// one is asked for.
	tokenDoubt = time.Second
	// tokenPause is the least time between two tokens that are asked for because
	// brokers do not accept the one before: a broker that refuses every token must
	// not make a storm on the token endpoint.
	tokenPause = 10 * time.Second
)

// tokens gets OAuth tokens by client credentials and keeps the one that it has
// until shortly before it ends, or brokers do not accept it. It is safe for
// concurrent use: connections that are made at the same time share one request.
type tokens struct {
	settings *SASL
	client   *http.Client
	flight   singleflight.Group

	mu    sync.Mutex
	token *oauth2.Token
	given map[*tokenSession]struct{} // without an answer of the broker yet
	again time.Time                  // when a token was last asked for because of a broker
}

func newTokens(s *SASL) *tokens {
	return &tokens{settings: s, given: make(map[*tokenSession]struct{}), client: &http.Client{
		Timeout: tokenTimeout,
		// A redirect would carry the client's secret to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get returns a token. It waits no longer than ctx and [tokenTimeout].
func (t *tokens) get(ctx context.Context) (string, error) {
	token, kept := t.kept()
	if kept && !t.doubtful(token) {
		return token, nil
	}
	// The request is everybody's who waits for it, and does not end with the first
	// of them; it has a timeout of its own.
	result := t.flight.DoChan("", func() (any, error) { return t.fetch(context.WithoutCancel(ctx)) })
	select {
	case r := <-result:
		switch {
		case r.Err != nil && kept: // it may be good after all
			return token, nil
		case r.Err != nil:
			return "", r.Err
		}
		token, _ = r.Val.(string)
		return token, nil
	case <-ctx.Done():
		return "", fmt.Errorf("KAFKA_SASL_TOKEN_URL %s has given no token yet: %w", extract.MaskURL(t.settings.TokenURL), ctx.Err())
	}
}

func (t *tokens) kept() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == nil || !t.token.Expiry.IsZero() && time.Until(t.token.Expiry) < tokenMargin {
		return "", false
	}
	return t.token.AccessToken, true
}

func (t *tokens) fetch(ctx context.Context) (string, error) {
	s := t.settings
	secret, err := s.clientSecret()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, t.client), tokenTimeout)
	defer cancel()
	cfg := clientcredentials.Config{ClientID: s.ClientID, ClientSecret: secret.Reveal(), TokenURL: s.TokenURL, Scopes: s.Scopes}
	token, err := cfg.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("KAFKA_SASL_TOKEN_URL %s gave no token: %w", extract.MaskURL(s.TokenURL), tokenProblem(err))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token = token; token.Expiry.IsZero() {
		t.token = nil // nobody says how long it is good for
	}
	return token.AccessToken, nil
}

// tokenProblem is what is wrong, without what the library's error may quote:
// the URL as it is set, and the whole answer, which may hold a token.
func tokenProblem(err error) error {
	var answer *oauth2.RetrieveError
	var request *url.Error
	switch {
	case errors.As(err, &answer):
		text := "it answered " + strconv.Itoa(answer.Response.StatusCode)
		if answer.ErrorCode != "" {
			text += " (" + answer.ErrorCode + ")"
		}
		if code := answer.Response.StatusCode; code == http.StatusUnauthorized || answer.ErrorCode == "invalid_client" {
			text += ": look at KAFKA_SASL_CLIENT_ID and KAFKA_SASL_CLIENT_SECRET"
		}
		return errors.New(text)
	case errors.As(err, &request) && request.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", tokenTimeout)
	case errors.As(err, &request):
		return request.Err
	default:
		return errors.New("its answer holds no token")
	}
}
