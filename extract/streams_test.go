package extract

import (
	"strings"
	"testing"
)

func TestStreams_areWhole(t *testing.T) {
	t.Parallel()
	endpoints := make(map[string]bool)
	for _, e := range Endpoints() {
		if endpoints[e.Name] {
			t.Errorf("endpoint %s twice", e.Name)
		}
		endpoints[e.Name] = true
		if e.PerMinute != 30 && e.PerMinute != 120 && e.PerMinute != 300 {
			t.Errorf("endpoint %s has %d requests a minute, which is none of Pylon's limits", e.Name, e.PerMinute)
		}
	}
	for _, s := range Streams() {
		found, ok := Find(s.Name)
		assertEqual(t, "found", found, s)
		parent, hasParent := Find(s.Parent)
		switch {
		case !ok, s.Key == "", !strings.HasPrefix(s.Path, "/"), !endpoints[s.Endpoint]:
			t.Errorf("%+v", s)
		case strings.Contains(s.Path, "{id}") != hasParent:
			t.Errorf("%s: path %s for parent %q", s.Name, s.Path, s.Parent)
		case hasParent != (s.Parent != ""), hasParent && len(s.ListedFor) > 0:
			t.Errorf("%s: parent %q, lists for %q", s.Name, s.Parent, s.ListedFor)
		case (s.ParentField != "") != (hasParent || len(s.ListedFor) > 0):
			t.Errorf("%s: parent field %q for parent %q", s.Name, s.ParentField, s.Parent)
		case (s.Sync == SyncIssues) != (s.Name == "issues"), (s.Sync == SyncChildren) != (parent.Sync == SyncIssues):
			t.Errorf("%s: sync %q", s.Name, s.Sync)
		case (s.Sync == SyncIssues) != (s.Scan.Path != "" && s.Get.Path != ""):
			t.Errorf("%s: scan %q, get %q", s.Name, s.Scan.Path, s.Get.Path)
		case (s.Sync == SyncIssues) != (len(s.Clocks) > 0):
			t.Errorf("%s: clocks %v", s.Name, s.Clocks)
		}
		if _, err := s.request("x"); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if _, ok := Find("nothing"); ok {
		t.Error("found nothing")
	}
}
