package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"pylon-kafka/extract"
)

// pylon checks the token, the clock, and every chosen stream's endpoint.
func pylon(ctx context.Context, opts *Options) []Check {
	url := extract.MaskURL(opts.Extract.APIURL)
	me, err := opts.Pylon.Me(ctx)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, extract.ErrUnauthorized) {
			err = fmt.Errorf("PYLON_API_URL %s gave no answer that is of use: %w", url, err)
		}
		return []Check{fail("token", err, "")}
	}
	return []Check{
		good("token", fmt.Sprintf("%s accepts it; organization %s", url, me.OrganizationName)),
		clock(opts.Pylon.ClockWarning()),
		endpoints(ctx, opts),
	}
}

// clock tells of what [extract.Client.ClockWarning] warns; "" is nothing.
func clock(warning string) Check {
	const name = "clock"
	if warning == "" {
		return good(name, "this machine's and Pylon's agree")
	}
	return warn(name, warning, extract.ClockAdvice)
}

// question is one endpoint that a run needs, and how to ask it without doing much.
type question struct {
	endpoint string // as in PYLON_RATE_LIMITS
	without  string // the setting with which a run does not need it, other than PYLON_STREAMS
	ask      func(context.Context) error
}

// endpoints asks each endpoint once that the chosen streams need, and names those
// that are forbidden or refuse what they are asked.
func endpoints(ctx context.Context, opts *Options) Check {
	const name = "endpoints"
	all := questions(opts)
	errs := make([]error, len(all))
	var asking sync.WaitGroup
	for i, q := range all {
		asking.Go(func() { errs[i] = q.ask(ctx) })
	}
	asking.Wait()
	var forbidden, refused, silent []string
	var why error
	fix := "use a token that may read them, or leave the streams that need them out of PYLON_STREAMS"
	for i, q := range all {
		switch {
		case errs[i] == nil:
			continue
		case errors.Is(errs[i], extract.ErrForbidden):
			forbidden = append(forbidden, q.endpoint)
		case ctx.Err() != nil && !errors.Is(errs[i], extract.ErrUnauthorized):
			silent = append(silent, q.endpoint)
			continue
		default:
			refused = append(refused, q.endpoint)
		}
		if why = errors.Join(why, errs[i]); q.without != "" {
			fix += "; without " + q.endpoint + ": " + q.without
		}
	}
	var failed []string
	if len(forbidden) > 0 {
		failed = append(failed, fmt.Sprintf("pylon forbids %s to this token (403)", strings.Join(forbidden, ", ")))
	}
	if len(refused) > 0 {
		failed = append(failed, fmt.Sprintf("pylon refuses what %s must be asked", strings.Join(refused, ", ")))
	}
	switch {
	case len(failed) > 0:
		return fail(name, fmt.Errorf("%s: streams that need it would fail, the others go on: %w", strings.Join(failed, ", and "), why), fix)
	case len(silent) > 0:
		return warn(name, fmt.Sprintf("no answer of use in time for %s", strings.Join(silent, ", ")), "")
	default:
		return good(name, fmt.Sprintf("all %d answer", len(all)))
	}
}

// noIssue is the id of an issue that is not there: an endpoint that is allowed
// says so.
const noIssue = "00000000-0000-0000-0000-000000000000"

// questions returns what the chosen streams ask of Pylon: each its own endpoint,
// the issues also the list that a reconcile reads, and issues and their children
// one issue, before a tombstone.
func questions(opts *Options) []question {
	var all []question
	var single extract.Call
	for _, s := range opts.Extract.ChosenStreams() {
		q := question{endpoint: s.Endpoint}
		switch s.Sync {
		case extract.SyncIssues:
			single = s.Get
			q.ask = func(ctx context.Context) error {
				_, err := extract.NewIssues(opts.Pylon, opts.Extract, extract.Ask{}).Fetch(ctx, extract.IssuesCursor{From: time.Now()})
				return err
			}
			if opts.Extract.ReconcileInterval > 0 {
				all = append(all, reconcile(opts, s))
			}
		case extract.SyncChildren:
			if parent, ok := extract.Find(s.Parent); ok {
				single = parent.Get
			}
			q.ask = func(ctx context.Context) error {
				_, err := opts.Pylon.Children(ctx, s, noIssue, extract.Ask{})
				return ofNoIssue(err)
			}
		default:
			q.ask = func(ctx context.Context) error {
				for _, err := range opts.Pylon.Refresh(ctx, s, extract.Ask{}) {
					return err // the first page says it
				}
				return nil
			}
		}
		all = append(all, q)
	}
	if single.Path != "" {
		all = append(all, question{endpoint: single.Endpoint, ask: func(ctx context.Context) error {
			_, err := opts.Pylon.Issue(ctx, noIssue, extract.Ask{})
			return ofNoIssue(err)
		}})
	}
	return all
}

// reconcile asks for the issues of the last second, as a reconcile lists them.
func reconcile(opts *Options, s extract.Stream) question {
	return question{endpoint: s.Scan.Endpoint, without: "PYLON_RECONCILE_INTERVAL=0", ask: func(ctx context.Context) error {
		now := time.Now().UTC().Truncate(time.Second)
		_, err := extract.NewReconcile(opts.Pylon, opts.Extract, extract.Ask{}).Fetch(ctx, extract.ReconcileCursor{Window: now.Add(-time.Second), Until: now})
		return err
	}}
}

// ofNoIssue passes over the answers that an invented id deserves: it is not found,
// or it cannot be an id.
func ofNoIssue(err error) error {
	var answer *extract.APIError
	if errors.Is(err, extract.ErrNotFound) ||
		errors.As(err, &answer) && (answer.Status == http.StatusBadRequest || answer.Status == http.StatusUnprocessableEntity) {
		return nil
	}
	return err
}
