package connect

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// mechanism returns OAUTHBEARER with the tokens.
func (t *tokens) mechanism() sasl.Mechanism { return bearer{t} }

// bearer is OAUTHBEARER (RFC 7628) that notes which tokens brokers accept.
type bearer struct{ tokens *tokens }

// Name implements sasl.Mechanism.
func (bearer) Name() string { return mechanismOAuthBearer }

// Authenticate implements sasl.Mechanism.
func (b bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	token, err := b.tokens.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	session, first, err := oauth.Auth{Token: token}.AsMechanism().Authenticate(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	return b.tokens.give(token, session), first, nil
}

// tokenSession is one authentication.
type tokenSession struct {
	sasl.Session
	tokens *tokens
	token  string
	began  time.Time
}

// refusal is what a client answers to a broker that says why it refuses the token;
// the broker then ends the authentication with an error (RFC 7628, 3.2.3, and KIP-255).
const refusal = "\x01"

// Challenge implements sasl.Session. It is called with what the broker says unless
// that is an error code, of which the client library tells nobody here.
func (s *tokenSession) Challenge(answer []byte) (done bool, last []byte, err error) {
	if refused := len(answer) > 0; refused {
		s.tokens.answered(s, refused)
		return true, []byte(refusal), nil
	}
	s.tokens.answered(s, false)
	return s.Session.Challenge(answer)
}

// give notes that a broker is shown a token.
func (t *tokens) give(token string, session sasl.Session) *tokenSession {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &tokenSession{Session: session, tokens: t, token: token, began: time.Now()}
	t.given[s] = struct{}{}
	return s
}

// answered notes what the broker says; a token that was refused is forgotten.
func (t *tokens) answered(s *tokenSession, refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.given, s)
	if refused && t.token != nil && t.token.AccessToken == s.token && t.mayAsk() {
		t.token = nil
	}
}

// doubtful reports whether another token is to be asked for: a broker that was
// shown this one has refused it with an error code, or has not answered for long.
func (t *tokens) doubtful(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	doubt := false
	for s := range t.given {
		if time.Since(s.began) > tokenDoubt {
			delete(t.given, s)
			doubt = doubt || s.token == token
		}
	}
	return doubt && t.mayAsk()
}

// mayAsk reports whether the last token that was asked for because of a broker is
// long enough ago, and then begins that time anew. t.mu must be held.
func (t *tokens) mayAsk() bool {
	if time.Since(t.again) < tokenPause {
		return false
	}
	t.again = time.Now()
	return true
}
