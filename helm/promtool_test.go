package helm_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// promtool runs it in dir and fails the test with what it says. It is put on
// PATH by .ci/chart, which sets PYLON_KAFKA_REQUIRE_TOOLS; without that
// variable a test that lacks it is skipped.
func promtool(t *testing.T, dir string, stdin io.Reader, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("PYLON_KAFKA_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip("promtool is not on PATH: PATH=$(.ci/tools promtool):$PATH")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir, cmd.Stdin = dir, stdin
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, output)
	}
}

// writeRules writes the rules that the chart renders as a file of Prometheus'.
func writeRules(t *testing.T, file string, layers ...string) monitoring.PrometheusRuleSpec {
	t.Helper()
	spec := one[*monitoring.PrometheusRule](t, render(t, append([]string{minimal, "prometheusRule: {enabled: true}"}, layers...)...)).Spec
	text, err := yaml.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return spec
}

// Each alert fires when it should and not before, by promtool's unit tests.
func TestAlerts_fireWhenTheyShould(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRules(t, filepath.Join(dir, "rules.yaml"))
	if err := os.CopyFS(dir, os.DirFS("testdata/alerts")); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, nil, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
	promtool(t, dir, nil, "test", "rules", "alerts_test.yaml")
}

// The values of the alerts end in rules that Prometheus takes.
func TestAlerts_takeTheirValues(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]string{
		"example":  examples(t)["monitoring"],
		"selector": `prometheusRule: {selector: 'cluster="eu"'}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeRules(t, filepath.Join(dir, "rules.yaml"), values)
			promtool(t, dir, nil, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
		})
	}
}

// A pause is no reason to wake anybody: nothing is absent that was switched off.
func TestAlerts_doNotMissAPausedService(t *testing.T) {
	t.Parallel()
	names := func(layers ...string) []string {
		var names []string
		for _, rule := range writeRules(t, filepath.Join(t.TempDir(), "rules.yaml"), layers...).Groups[0].Rules {
			names = append(names, rule.Alert)
		}
		return names
	}
	all, paused := names(), names("replicaCount: 0")
	if diff := cmp.Diff(all, append([]string{"PylonKafkaAbsent"}, paused...)); diff != "" {
		t.Errorf("alerts of a service (-) and of one that is paused, with PylonKafkaAbsent (+):\n%s", diff)
	}
}

// An alert says what has happened and what to do about it.
func TestAlerts_haveARunbookLine(t *testing.T) {
	t.Parallel()
	spec := writeRules(t, filepath.Join(t.TempDir(), "rules.yaml"))
	readme, err := os.ReadFile(chartDir + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range spec.Groups[0].Rules {
		if !strings.Contains(string(readme), "| "+rule.Alert+" |") {
			t.Errorf("README.md does not say what to do about %s", rule.Alert)
		}
		for _, name := range []string{"summary", "description", "runbook"} {
			if rule.Annotations[name] == "" {
				t.Errorf("%s has no %s", rule.Alert, name)
			}
		}
		if severity := rule.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s has the severity %q", rule.Alert, severity)
		}
	}
}
