package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"pylon-kafka/extract"
)

// allowedSkew is how far Pylon's clock and ours may differ: more than that, and
// what the settings call now is not what Pylon calls so.
const allowedSkew = time.Minute

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
		clock(opts.Pylon.Skew()),
		endpoints(ctx, opts),
	}
}

func clock(skew time.Duration) Check {
	const name = "clock"
	skew = skew.Round(time.Second)
	switch {
	case skew > allowedSkew:
		return warn(name, fmt.Sprintf("Pylon's clock is %v ahead of this machine's", skew), "set this machine's clock by NTP, or look at the proxy in between")
	case skew < -allowedSkew:
		return warn(name, fmt.Sprintf("Pylon's clock is %v behind this machine's", -skew), "set this machine's clock by NTP, or look at the proxy in between")
	default:
		return good(name, "this machine's and Pylon's agree")
	}
}

// endpoints asks each chosen stream's endpoint once and names those that are
// forbidden.
func endpoints(ctx context.Context, opts *Options) Check {
	const name = "endpoints"
	streams := opts.Extract.ChosenStreams()
	errs := make([]error, len(streams))
	var asking sync.WaitGroup
	for i, s := range streams {
		asking.Go(func() { errs[i] = ask(ctx, opts, s) })
	}
	asking.Wait()
	var forbidden, silent []string
	var why error
	for i, s := range streams {
		switch {
		case errors.Is(errs[i], extract.ErrForbidden):
			forbidden, why = append(forbidden, s.Name), errors.Join(why, errs[i])
		case errs[i] != nil && ctx.Err() != nil:
			silent = append(silent, s.Name)
		}
	}
	switch {
	case len(forbidden) > 0:
		err := fmt.Errorf("pylon forbids %s to this token (403): those streams would fail, the others go on: %w", strings.Join(forbidden, ", "), why)
		return fail(name, err, "use a token that may read them, or leave them out of PYLON_STREAMS")
	case len(silent) > 0:
		return warn(name, fmt.Sprintf("no answer of use in time for %s", strings.Join(silent, ", ")), "")
	default:
		return good(name, fmt.Sprintf("all %d answer", len(streams)))
	}
}

// noIssue is the id of an issue that is not there: an endpoint that is allowed
// says so.
const noIssue = "00000000-0000-0000-0000-000000000000"

// ask sends one request, or few, to a stream's endpoint.
func ask(ctx context.Context, opts *Options, s extract.Stream) error {
	switch s.Sync {
	case extract.SyncIssues:
		_, err := extract.NewIssues(opts.Pylon, opts.Extract, extract.Ask{}).Fetch(ctx, extract.IssuesCursor{From: time.Now()})
		return err
	case extract.SyncChildren:
		_, err := opts.Pylon.Children(ctx, s, noIssue, extract.Ask{})
		return err
	default:
		for _, err := range opts.Pylon.Refresh(ctx, s, extract.Ask{}) {
			return err // the first page says it
		}
		return nil
	}
}
