package extract

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// Config holds the settings of this package; the tags name the environment
// variables that users hold on to. Nothing in it prints the token.
type Config struct {
	APIToken     Secret `env:"PYLON_API_TOKEN"`
	APITokenFile string `env:"PYLON_API_TOKEN_FILE"` // a file that holds the token, instead of APIToken

	StartDate string   `env:"PYLON_START_DATE"` // issues last updated before it are not read
	APIURL    string   `env:"PYLON_API_URL, default=https://api.usepylon.com"`
	Streams   []string `env:"PYLON_STREAMS"` // names of the chosen streams; none: all

	PollInterval    time.Duration `env:"PYLON_POLL_INTERVAL, default=15s"`   // of the incremental stream
	RefreshInterval time.Duration `env:"PYLON_REFRESH_INTERVAL, default=1h"` // of the full-refresh streams
	Intervals       Intervals     `env:"PYLON_INTERVALS"`                    // overrides of the two
	// ReconcileInterval is the time from the end of one comparison of all issues to the next; 0: none.
	ReconcileInterval time.Duration `env:"PYLON_RECONCILE_INTERVAL, default=1h"`
	// SweepInterval is the time from the end of one reading of every issue's children to the next; 0: none.
	SweepInterval time.Duration `env:"PYLON_SWEEP_INTERVAL, default=168h"`
	Lookback      time.Duration `env:"PYLON_LOOKBACK, default=10m"` // how far before its cursor the live search begins
	Window        time.Duration `env:"PYLON_WINDOW, default=720h"`  // the longest range that one search asks for
	RateLimits    RateLimits    `env:"PYLON_RATE_LIMITS"`
}

// startDateLayout is the one form of PYLON_START_DATE.
const startDateLayout = "2006-01-02T15:04:05Z"

// Validate reports all problems together: each names its variable, what it
// holds (never the token) and what would do. It reads the token's file.
func (c *Config) Validate() error {
	errs := []error{c.validateAccess(), c.validateStartDate()}
	errs = append(errs, validateStreams(c.Streams)...)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"PYLON_POLL_INTERVAL", c.PollInterval},
		{"PYLON_REFRESH_INTERVAL", c.RefreshInterval},
		{"PYLON_WINDOW", c.Window},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s is %q: want a duration above zero, such as 15s or 1h", d.name, d.value))
		}
	}
	if c.Window > 0 && c.Window < minWindow {
		errs = append(errs, fmt.Errorf("PYLON_WINDOW is %q: want at least %s", c.Window, minWindow))
	}
	if c.ReconcileInterval < 0 {
		errs = append(errs, fmt.Errorf("PYLON_RECONCILE_INTERVAL is %q: want a duration such as 1h, or 0 for no reconcile", c.ReconcileInterval))
	}
	if c.SweepInterval < 0 {
		errs = append(errs, fmt.Errorf("PYLON_SWEEP_INTERVAL is %q: want a duration such as 168h, or 0 for no sweep", c.SweepInterval))
	}
	if c.Lookback < 0 {
		errs = append(errs, fmt.Errorf("PYLON_LOOKBACK is %q: want a duration such as 10m, or 0", c.Lookback))
	}
	errs = append(errs, c.Intervals.validate()...)
	return errors.Join(errs...)
}

// validateAccess checks what a client needs.
func (c *Config) validateAccess() error {
	_, tokenErr := c.token()
	_, urlErr := c.baseURL()
	return errors.Join(append([]error{tokenErr, urlErr}, c.RateLimits.validate()...)...)
}

// token returns the token, from the setting or its file.
func (c *Config) token() (Secret, error) {
	name, token := "PYLON_API_TOKEN", strings.TrimSpace(c.APIToken.Reveal())
	switch {
	case token != "" && c.APITokenFile != "":
		return Secret{}, errors.New("PYLON_API_TOKEN and PYLON_API_TOKEN_FILE are both set: want one of them")
	case c.APITokenFile != "":
		name = "PYLON_API_TOKEN_FILE"
		text, err := os.ReadFile(c.APITokenFile)
		if err != nil {
			return Secret{}, fmt.Errorf("PYLON_API_TOKEN_FILE is %q: want a file that can be read: %w", c.APITokenFile, err)
		}
		if token = strings.TrimSpace(string(text)); token == "" {
			return Secret{}, fmt.Errorf("PYLON_API_TOKEN_FILE is %q: want a file that holds a token, this one is empty", c.APITokenFile)
		}
	case token == "":
		return Secret{}, errors.New("PYLON_API_TOKEN is not set: want an API token (an admin makes one at " +
			"https://app.usepylon.com/settings/api-tokens), or PYLON_API_TOKEN_FILE with the name of a file that holds it")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Secret{}, fmt.Errorf("%s is not a token (it is not shown): want the token alone, without spaces, line breaks or \"Bearer\"", name)
	}
	return NewSecret(token), nil
}

// baseURL returns APIURL, checked and without a slash at its end.
func (c *Config) baseURL() (*url.URL, error) {
	u, err := url.Parse(c.APIURL)
	switch {
	case c.APIURL == "":
		return nil, errors.New("PYLON_API_URL is not set: want https://api.usepylon.com or https://api.eu.usepylon.com")
	case err != nil:
		// The parser's own error repeats the URL, with a password if it holds one.
		return nil, errors.New("PYLON_API_URL cannot be read as a URL: want https://api.usepylon.com or https://api.eu.usepylon.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("PYLON_API_URL is %q with more than an address: want it without user, password, query and fragment",
			(&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
	case (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return nil, fmt.Errorf("PYLON_API_URL is %q: want http or https and a host, such as https://api.eu.usepylon.com", MaskURL(c.APIURL))
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func (c *Config) validateStartDate() error {
	const want = "want a moment in UTC such as 2024-01-31T00:00:00Z; issues last updated before it are not read"
	start, ok := parseStartDate(c.StartDate)
	switch {
	case c.StartDate == "":
		return errors.New("PYLON_START_DATE is not set: " + want)
	case !ok:
		return fmt.Errorf("PYLON_START_DATE is %q: %s", c.StartDate, want)
	case start.After(time.Now()):
		return fmt.Errorf("PYLON_START_DATE is %q, which is in the future: %s", c.StartDate, want)
	}
	return nil
}

func parseStartDate(text string) (time.Time, bool) {
	t, err := time.Parse(startDateLayout, text)
	// time.Parse also takes fractions of a second, which the layout does not have.
	if err != nil || t.Format(startDateLayout) != text {
		return time.Time{}, false
	}
	return t, true
}

// Start returns StartDate parsed, or the zero time where it is malformed.
func (c *Config) Start() time.Time {
	t, _ := parseStartDate(c.StartDate)
	return t
}

// ChosenStreams returns the streams to read, in the order of Streams.
func (c *Config) ChosenStreams() []Stream {
	all := Streams()
	chosen := slices.DeleteFunc(slices.Clone(c.Streams), func(name string) bool { return strings.TrimSpace(name) == "" })
	if len(chosen) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(s Stream) bool {
		return !slices.ContainsFunc(chosen, func(name string) bool { return strings.TrimSpace(name) == s.Name })
	})
}

func validateStreams(names []string) []error {
	var errs []error
	for _, name := range names {
		name = strings.TrimSpace(name)
		if _, ok := Find(name); !ok && name != "" {
			errs = append(errs, fmt.Errorf("PYLON_STREAMS names %q, which is no stream: %s", name, wantOneOf(name, streamNames(nil))))
		}
	}
	return errs
}

// Interval returns the time from one pass over the stream to the next. Streams
// of children have none of their own: they follow the issues.
func (c *Config) Interval(s Stream) time.Duration {
	if d, ok := c.Intervals[s.Name]; ok {
		return d
	}
	if s.Sync == SyncFull {
		return c.RefreshInterval
	}
	return c.PollInterval
}

// Intervals is the time between two passes by stream.
type Intervals map[string]time.Duration

// EnvDecode reads the form of PYLON_INTERVALS, "tags:24h,accounts:10m".
func (i *Intervals) EnvDecode(text string) error {
	*i = nil
	return eachPair(text, func(name, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("%q of %s is no duration: want one such as 10m or 24h", value, name)
		}
		if *i == nil {
			*i = make(Intervals)
		}
		(*i)[name] = d
		return nil
	})
}

func (i Intervals) validate() []error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(i)) {
		s, ok := Find(name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("PYLON_INTERVALS names %q, which is no stream: %s", name,
				wantOneOf(name, streamNames(func(s Stream) bool { return s.Sync != SyncChildren }))))
		case s.Sync == SyncChildren:
			errs = append(errs, fmt.Errorf("PYLON_INTERVALS names %q, which has no interval: it is read for each issue that changes, "+
				"so want one for issues", name))
		case i[name] <= 0:
			errs = append(errs, fmt.Errorf("PYLON_INTERVALS has %q for %s: want a duration above zero", i[name], name))
		}
	}
	return errs
}

// RateLimits is the number of requests a minute by endpoint; 0 is no limit. An
// endpoint that it does not name has the limit of the entry "*", or without one
// the limit that Pylon documents.
type RateLimits map[string]int

// everyEndpoint is the entry for the endpoints without one.
const everyEndpoint = "*"

// EnvDecode reads the form of PYLON_RATE_LIMITS, "issues_search:120,tags:0", or
// "0" for no limits at all.
func (r *RateLimits) EnvDecode(text string) error {
	if strings.TrimSpace(text) == "0" {
		*r = RateLimits{everyEndpoint: 0}
		return nil
	}
	*r = nil
	return eachPair(text, func(name, value string) error {
		var n int
		if _, err := fmt.Sscanf(value+"\n", "%d\n", &n); err != nil {
			return fmt.Errorf("%q of %s is no limit: want requests a minute, or 0 for none", value, name)
		}
		if *r == nil {
			*r = make(RateLimits)
		}
		(*r)[name] = n
		return nil
	})
}

func (r RateLimits) validate() []error {
	var errs []error
	several := searched()
	for _, name := range slices.Sorted(maps.Keys(r)) {
		known := name == everyEndpoint || slices.ContainsFunc(Endpoints(), func(e Endpoint) bool { return e.Name == name })
		switch {
		case name == several.Name:
			errs = append(errs, fmt.Errorf("PYLON_RATE_LIMITS names %q, which has three endpoints: want %s (the poll), %s (the reconcile) or %s (one issue)",
				name, several.Endpoint, several.Scan.Endpoint, several.Get.Endpoint))
		case !known:
			var names []string
			for _, e := range Endpoints() {
				names = append(names, e.Name)
			}
			errs = append(errs, fmt.Errorf("PYLON_RATE_LIMITS names %q, which is no endpoint: %s", name, wantOneOf(name, names)))
		case r[name] < 0:
			errs = append(errs, fmt.Errorf("PYLON_RATE_LIMITS has %d for %s: want requests a minute, or 0 for no limit", r[name], name))
		}
	}
	return errs
}

// perMinute returns the limit of one endpoint; 0 is none.
func (r RateLimits) perMinute(e Endpoint) int {
	if n, ok := r[e.Name]; ok {
		return n
	}
	if n, ok := r[everyEndpoint]; ok {
		return n
	}
	return e.PerMinute
}

// eachPair splits "name:value,name:value" and reports all pairs that are none
// or that add refuses, in one line.
func eachPair(text string, add func(name, value string) error) error {
	var problems []string
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, ":")
		if !ok {
			problems = append(problems, fmt.Sprintf("%q has no colon: want name:value", pair))
			continue
		}
		if err := add(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

// streamNames lists the streams that want accepts; nil accepts all.
func streamNames(want func(Stream) bool) []string {
	var names []string
	for _, s := range Streams() {
		if want == nil || want(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// wantOneOf says what would do instead of name, the nearest first where one is near.
func wantOneOf(name string, names []string) string {
	text := "want one of " + strings.Join(names, ", ")
	nearest := slices.MinFunc(names, func(a, b string) int {
		return levenshtein.Distance(name, a, nil) - levenshtein.Distance(name, b, nil)
	})
	if levenshtein.Distance(name, nearest, nil) <= max(2, len(name)/3) {
		return fmt.Sprintf("did you mean %q? %s", nearest, text)
	}
	return text
}
