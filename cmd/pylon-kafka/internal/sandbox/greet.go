package sandbox

import (
	"fmt"
	"io"
	"net"
	"time"

	"pylon-kafka/cmd/pylon-kafka/internal/report"
	"pylon-kafka/cmd/pylon-kafka/internal/web"
	"pylon-kafka/extract/extracttest"
)

// greet tells a person how to use what is served.
func greet(w io.Writer, s *web.Server, api *extracttest.API, o *extracttest.Options) {
	url := s.URL()
	if host, port, err := net.SplitHostPort(s.Addr().String()); err == nil && net.ParseIP(host).IsUnspecified() {
		url = "http://" + net.JoinHostPort("localhost", port)
	}
	token := o.Token
	if token == "" {
		token = "anything"
	}
	fmt.Fprintf(w, `A sandbox of the Pylon API with %s issues answers on %s until Ctrl-C.

For pylon-kafka in another shell:

  export PYLON_API_URL=%s
  export PYLON_API_TOKEN=%s
  export PYLON_START_DATE=%s
`, report.Count(int64(api.Count("issues"))), url, url, token, o.Start.Add(-24*time.Hour).Format(time.RFC3339))
	if len(o.Limits) > 0 {
		fmt.Fprintln(w, "  export PYLON_RATE_LIMITS=0 # the sandbox has no limits either")
	}
	printPace(w, api, o)
	if api.Count("issues") == 0 {
		return
	}
	last := api.IssueID(api.Count("issues") - 1)
	issue := api.IssueID(0)
	fmt.Fprintf(w, `
To change something:

  curl -X PATCH  -H 'Authorization: Bearer %[2]s' -d '{"state":"closed"}' %[1]s/issues/%[3]s
  curl -X POST   -H 'Authorization: Bearer %[2]s' -d '{"title":"Help","body_html":"<p>It broke</p>"}' %[1]s/issues
  curl -X DELETE -H 'Authorization: Bearer %[2]s' %[1]s/issues/%[4]s
`, url, token, issue, last)
	if messages := api.Children("issue_messages", issue); len(messages) > 0 {
		fmt.Fprintf(w, "  curl -X DELETE -H 'Authorization: Bearer %s' %s/issues/%s/messages/%s\n", token, url, issue, messages[0])
	}
	for key := range api.Objects("tags") {
		fmt.Fprintf(w, "  curl -X DELETE -H 'Authorization: Bearer %s' %s/tags/%s\n", token, url, key)
		break
	}
	fmt.Fprintf(w, `
To let it fail as real ones do (GET lists what there is, DELETE ends it):

  curl -X POST   -d '{"name":"parent-5xx"}' %[1]s/_sandbox/fail
  curl -X DELETE %[1]s/_sandbox/fail

`, url)
}

// printPace tells a person how long the rate limits make a first pass.
func printPace(w io.Writer, api *extracttest.API, o *extracttest.Options) {
	if len(o.Limits) > 0 {
		return
	}
	took, endpoint, requests := api.FirstPass()
	if took == 0 {
		return
	}
	fmt.Fprintf(w, `
The limits of the real API make a first pass take at least %s: %s requests
for %s. --no-limits turns them off.
`, inMinutes(took), report.Count(int64(requests)), endpoint)
}

// inMinutes rounds up to whole minutes.
func inMinutes(d time.Duration) string {
	n := int64((d + time.Minute - 1) / time.Minute)
	if n == 1 {
		return "a minute"
	}
	return report.Count(n) + " minutes"
}
