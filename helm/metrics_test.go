package helm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"

	"github.com/twmb/franz-go/pkg/kfake"
)

// metrics are what the program serves at /metrics after a first pass.
type metrics struct {
	text   []byte
	series []string // each as name{labels}, sorted
}

// scrape runs the program against its own sandbox and an embedded Kafka, waits
// until every stream has caught up, and reads its metrics.
func scrape(t *testing.T) metrics {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	binary := filepath.Join(t.TempDir(), "pylon-kafka")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/pylon-kafka")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, output)
	}
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	api, page := extracttest.UnusedAddress(t), extracttest.UnusedAddress(t)
	start(t, binary, nil, "sandbox", "--addr", api, "--issues", "20", "--token", "t", "--no-limits")
	start(t, binary, []string{
		"PYLON_API_TOKEN=t", "PYLON_API_URL=http://" + api, "PYLON_START_DATE=2020-01-01T00:00:00Z", "PYLON_RATE_LIMITS=0",
		"KAFKA_BROKERS=" + strings.Join(kafka.ListenAddrs(), ","), "HTTP_ADDR=" + page,
	}, "run")
	for {
		if text, err := get(ctx, "http://"+page+"/metrics"); err == nil && caughtUp(text) {
			return metrics{text: text, series: seriesOf(text)}
		}
		select {
		case <-ctx.Done():
			t.Fatal("not every stream has caught up within the time")
		case <-time.After(50 * time.Millisecond): // between two scrapes
		}
	}
}

// start runs the program until the test ends, with these variables and no other.
func start(t *testing.T, binary string, env []string, args ...string) {
	t.Helper()
	log := new(bytes.Buffer)
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{}, env...), log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: that is what it says
		if t.Failed() {
			t.Logf("pylon-kafka %s:\n%s", args[0], log)
		}
	})
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// caughtUp says whether every stream has had a success.
func caughtUp(text []byte) bool {
	success := regexp.MustCompile(`(?m)^pylon_kafka_last_success_timestamp_seconds\{.*\} (\S+)$`).FindAllSubmatch(text, -1)
	return len(success) > 0 && !slices.ContainsFunc(success, func(match [][]byte) bool { return string(match[1]) == "0" })
}

// seriesOf lists the series of an answer.
func seriesOf(text []byte) []string {
	var series []string
	for line := range strings.Lines(string(text)) {
		if name, _, ok := cutValue(line); ok {
			series = append(series, name)
		}
	}
	slices.Sort(series)
	return series
}

// cutValue cuts a line of the text format into series and value.
func cutValue(line string) (series, value string, ok bool) {
	line = strings.TrimSpace(line)
	i := strings.LastIndexByte(line, ' ')
	if i < 0 || strings.HasPrefix(line, "#") {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := scrape(t)
	t.Run("are those of alerts and dashboard", func(t *testing.T) {
		t.Parallel()
		checkNames(t, m)
	})
	t.Run("show something in each panel", func(t *testing.T) {
		t.Parallel()
		checkPanels(t, readDashboard(t), m.series)
	})
	t.Run("please promtool", func(t *testing.T) {
		t.Parallel()
		promtool(t, t.TempDir(), bytes.NewReader(m.text), "check", "metrics")
	})
}

// checkNames holds that alerts and dashboard ask for series that the program
// has.
func checkNames(t *testing.T, m metrics) {
	t.Helper()
	known := make(map[string]bool)
	for _, series := range m.series {
		name, _, _ := strings.Cut(series, "{")
		known[name] = true
	}
	wantKnown := func(from, expr string) {
		for _, name := range regexp.MustCompile(`\b(pylon_kafka|process|go)_\w+`).FindAllString(expr, -1) {
			if !known[name] {
				t.Errorf("%s asks for %s, which the program does not have", from, name)
			}
		}
	}
	for _, rule := range writeRules(t, filepath.Join(t.TempDir(), "rules.yaml")).Groups[0].Rules {
		wantKnown(rule.Alert, rule.Expr.String())
	}
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			wantKnown("the panel "+panel.Title, target.Expr)
		}
	}
}

// dashboard is what the test reads of Grafana's JSON.
type dashboard struct {
	Panels []struct {
		Title   string `json:"title"`
		Type    string `json:"type"`
		Targets []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(chartDir + "/dashboards/pylon-kafka.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	return board
}

// checkPanels puts the series, each counting up from nothing over five minutes,
// to Prometheus' own engine and asks each expression of each panel for at least
// one value. A zero in place of nothing does not count.
func checkPanels(t *testing.T, board dashboard, series []string) {
	t.Helper()
	test := new(strings.Builder)
	fmt.Fprint(test, "evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n")
	for _, s := range series {
		name, labels, _ := strings.Cut(strings.TrimSuffix(s, "}"), "{")
		labels = strings.TrimPrefix(labels+`,namespace="support",job="pylon-kafka",instance="a"`, ",")
		fmt.Fprintf(test, "      - {series: %s, values: '1+1x10'}\n", yamlQuote(name+"{"+labels+"}"))
	}
	fmt.Fprint(test, "    promql_expr_test:\n")
	variables := strings.NewReplacer("$__rate_interval", "4m", "$__range", "1h", "$job", ".*", "$namespace", ".*", "$stream", ".*")
	// Streams that are down or without an owner are counted: by what, these values do not tell.
	counted := regexp.MustCompile(` == [01]\b`)
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expr := counted.ReplaceAllString(strings.TrimSuffix(variables.Replace(target.Expr), "or vector(0)"), "")
			expr = "clamp_max(count(" + expr + "), 1)"
			fmt.Fprintf(test, "      - {expr: %s, eval_time: 5m, exp_samples: [{labels: '{}', value: 1}]}\n", yamlQuote(expr))
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "panels.yaml"), []byte(test.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, nil, "test", "rules", "panels.yaml")
}

func yamlQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
