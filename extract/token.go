package extract

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// tokens are the API token in use, and where another one may come from. They are
// safe for concurrent use.
type tokens struct {
	current atomic.Pointer[Secret]
	read    func() (Secret, error) // reads the token's file; nil: there is none
	worked  atomic.Bool            // Pylon has taken a token of this process
}

const (
	// tokenPatience is how long a token that has worked and is refused may be waited
	// for a file with another one: Kubernetes brings a changed Secret into a volume
	// up to a minute or so later
	// (https://kubernetes.io/docs/concepts/configuration/secret/#mounted-secrets-are-updated-automatically).
	tokenPatience = 100 * time.Second
	// tokenLook is how often the file is read meanwhile.
	tokenLook = 2 * time.Second
)

// await is other, and waits for another token in the file where the one that is
// refused has worked before: it was exchanged, and the file follows.
func (t *tokens) await(ctx context.Context, refused *Secret, log *slog.Logger) bool {
	if t.other(ctx, refused, log) {
		return true
	}
	if t.read == nil || !t.worked.Load() {
		return false
	}
	log.WarnContext(ctx, "Pylon refuses the token that it took before; waiting for another one in its file", "most", tokenPatience.String())
	for end := time.Now().Add(tokenPatience); time.Now().Before(end); {
		if sleep(ctx, tokenLook) != nil {
			return false
		}
		if t.other(ctx, refused, log) {
			return true
		}
	}
	return false
}

// other reads the token's file again after a token was refused, and reports
// whether there is another one now, by whoever read it.
func (t *tokens) other(ctx context.Context, refused *Secret, log *slog.Logger) bool {
	if t.read == nil {
		return false
	}
	if t.current.Load() != refused {
		return true
	}
	token, err := t.read()
	switch {
	case err != nil:
		log.ErrorContext(ctx, "Pylon refuses the token, and its file cannot be read again", "error", err)
		return false
	case token.Equal(*refused):
		return false
	}
	t.current.Store(&token)
	log.WarnContext(ctx, "Pylon refused the token; its file holds another one, which is used from now on")
	return true
}
