package demo

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

// registryClient serves the registry that path holds and returns its client.
func registryClient(t *testing.T, path string) *sr.Client {
	t.Helper()
	registry, err := openRegistry(path)
	if err != nil {
		t.Fatalf("open registry: %v", err)
	}
	server := httptest.NewServer(registry)
	t.Cleanup(server.Close)
	client, err := sr.NewClient(sr.URLs(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestFileRegistry_givesTheSameIDsWhenItIsOpenedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.json")
	schema := func(name string) sr.Schema {
		return sr.Schema{Schema: `{"type":"record","name":"` + name + `","fields":[]}`}
	}
	create := func(client *sr.Client, subject, name string) int {
		s, err := client.CreateSchema(t.Context(), subject, schema(name))
		if err != nil {
			t.Fatalf("register %s: %v", subject, err)
		}
		return s.ID
	}

	first := registryClient(t, path)
	a, b := create(first, "a-value", "A"), create(first, "b-value", "B")
	if also := create(first, "also-value", "A"); also != a {
		t.Fatalf("one schema has the ids %d and %d", a, also)
	}

	again := registryClient(t, path)
	for id, name := range map[int]string{a: "A", b: "B"} {
		s, err := again.SchemaByID(t.Context(), id)
		if err != nil || s.Schema != schema(name).Schema {
			t.Errorf("schema %d is %v, %v; want %s", id, s, err, name)
		}
	}
	// Registered again in another order, after a new one.
	c := create(again, "c-value", "C")
	if create(again, "b-value", "B") != b || create(again, "a-value", "A") != a || create(again, "also-value", "A") != a {
		t.Error("a schema has another id than before")
	}
	if c == a || c == b {
		t.Errorf("id %d was given twice", c)
	}
}
