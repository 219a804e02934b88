package settings

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMeanings_areOfEverySetting fails for a setting that nobody has explained,
// and for an explanation of one that is no more.
func TestMeanings_areOfEverySetting(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range Known() {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(meanings()))); diff != "" {
		t.Errorf("meanings (-settings +meanings): add or remove them in meanings.go\n%s", diff)
	}
	for name, m := range meanings() {
		if m.text == "" || strings.Contains(m.text, "|") || strings.HasSuffix(m.text, ".") {
			t.Errorf("%s means %q: want a sentence without full stop and bar", name, m.text)
		}
	}
}

// TestSetting_tellsItsDefault holds the words of each kind.
func TestSetting_tellsItsDefault(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"KAFKA_BROKERS": "required", "HTTP_ADDR": "`:8080`", "PYLON_STREAMS": "all", "KAFKA_SASL_USERNAME": "",
	}
	got := make(map[string]string)
	for _, s := range Known() {
		if _, ok := want[s.Name]; ok {
			got[s.Name] = s.DefaultText()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestLogger_writesDurationsAsText(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	(&Process{}).Logger(&text, false).Info("x", "pause", 1500*time.Millisecond)
	if !strings.Contains(text.String(), `"pause":"1.5s"`) {
		t.Errorf("log: %s", text.String())
	}
}
