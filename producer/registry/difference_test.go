package registry_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/producer/registry"
)

// TestRegistry_compareNamesTheDifference has a registry that gives no reasons.
func TestRegistry_compareNamesTheDifference(t *testing.T) {
	t.Parallel()
	const record = `{"type":"record","name":"R","namespace":"n","fields":[`
	for name, test := range map[string]struct{ there, ours, want string }{
		"another record":  {record + `]}`, `{"type":"record","name":"n.S","fields":[]}`, "is of n.R, and ours of n.S"},
		"another layout":  {`{"type":"record","name":"com.usepylon.Tag","fields":[]}`, `{"type":"record","name":"com.usepylon.TagFlat","fields":[]}`, "of com.usepylon.Tag (layout nested), and ours of com.usepylon.TagFlat (layout flat)"},
		"no record":       {`"string"`, record + `]}`, "is no record"},
		"a new field":     {record + `{"name":"a","type":"int"}]}`, record + `{"name":"a","type":{"type":"int"}},{"name":"b","type":"int"}]}`, "there is no field b"},
		"a field is gone": {record + `{"name":"a","type":"int"},{"name":"b","type":"int"}]}`, record + `{"name":"a","type":"int"}]}`, "there is a field b"},
		"another type":    {record + `{"name":"a","type":["null","int"]}]}`, record + `{"name":"a","type":["null","string"]}]}`, `field a has type ["null","int"], and in ours ["null","string"]`},
		"the same fields": {record + `{"name":"a","type":"int"}]}`, record + `{"name":"a","type":"int","doc":"d"}]}`, "same fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := srfake.NewRegistry()
			handler := fake.Handler()
			r := open(t, "SCHEMA_REGISTRY_URL", serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if strings.HasPrefix(req.URL.Path, "/compatibility/") {
					w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
					_, _ = io.WriteString(w, `{"is_compatible":false}`)
					return
				}
				handler.ServeHTTP(w, req)
			})))
			_, err := r.Register(t.Context(), registry.Schema{Topic: "t", Record: "n.R", Text: test.there})
			must(t, err)
			got, err := r.Compare(t.Context(), registry.Schema{Topic: "t", Record: "n.R", Text: test.ours})
			must(t, err)
			if got.State != registry.Differs {
				t.Fatalf("%+v, want one that differs", got)
			}
			wantText(t, got.Reason, test.want)
		})
	}
}
