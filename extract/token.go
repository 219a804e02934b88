package extract

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// tokens are the API token in use, and where another one may come from. They are
// safe for concurrent use.
type tokens struct {
	current atomic.Pointer[Secret]
	read    func() (Secret, error) // reads the token's file; nil: there is none
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
