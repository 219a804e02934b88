package helm_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	helmchart "helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

const chartDir = "pylon-kafka"

// minimal are the values without which nothing is rendered.
const minimal = `
pylon: {existingSecret: pylon, startDate: "2024-01-31T00:00:00Z"}
kafka: {brokers: ["kafka-0.kafka:9092"]}
`

// object is one of Kubernetes'.
type object interface {
	runtime.Object
	meta.Object
}

// rendered is what the chart makes of some values.
type rendered struct {
	objects []object
	notes   string
}

// loadChart reads the chart from its folder.
func loadChart(tb testing.TB) *chart.Chart {
	tb.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		tb.Fatalf("load the chart: %v", err)
	}
	return c
}

// tryRender renders the chart with layers of values, the later ones over the
// earlier, as `helm install release --namespace support` does. With a provider
// it sees a cluster.
func tryRender(tb testing.TB, provider engine.ClientProvider, layers ...string) (map[string]string, error) {
	tb.Helper()
	values := make(map[string]any)
	for _, layer := range layers {
		parsed, err := loader.LoadValues(strings.NewReader(layer))
		if err != nil {
			tb.Fatalf("values %q: %v", layer, err)
		}
		values = loader.MergeMaps(values, parsed)
	}
	c := loadChart(tb)
	release := helmchart.ReleaseOptions{Name: "release", Namespace: "support", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(c, values, release, helmchart.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	if provider != nil {
		return engine.RenderWithClientProvider(c, all, provider)
	}
	return engine.Render(c, all)
}

// render renders the chart and reads each object strictly: a field that
// Kubernetes or the Prometheus operator does not know fails the test.
func render(tb testing.TB, layers ...string) rendered {
	tb.Helper()
	files, err := tryRender(tb, nil, layers...)
	if err != nil {
		tb.Fatalf("render: %v", err)
	}
	decoder := strictDecoder(tb)
	var r rendered
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			r.notes = text
			continue
		}
		r.objects = append(r.objects, decodeAll(tb, decoder, name, text)...)
	}
	// As Helm prints them: by kind and name, whatever file they are from.
	slices.SortFunc(r.objects, func(a, b object) int { return strings.Compare(id(a), id(b)) })
	return r
}

func strictDecoder(tb testing.TB) runtime.Decoder {
	tb.Helper()
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, monitoring.AddToScheme} {
		if err := add(known); err != nil {
			tb.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
}

func decodeAll(tb testing.TB, decoder runtime.Decoder, name, text string) []object {
	tb.Helper()
	var objects []object
	documents := yaml.NewDocumentDecoder(io.NopCloser(strings.NewReader(text)))
	buffer := make([]byte, len(text)+1)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		document := bytes.TrimSpace(buffer[:n])
		if len(document) == 0 {
			continue
		}
		decoded, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			tb.Fatalf("%s: %v\n%s", name, err, document)
		}
		o, ok := decoded.(object)
		if !ok {
			tb.Fatalf("%s: %T has no name", name, decoded)
		}
		objects = append(objects, o)
	}
}

func id(o object) string {
	return o.GetObjectKind().GroupVersionKind().Kind + "/" + o.GetName()
}

// ids lists what was rendered, as Kind/name.
func (r rendered) ids() []string {
	var all []string
	for _, o := range r.objects {
		all = append(all, id(o))
	}
	return all
}

// one returns the only object of type T.
func one[T object](tb testing.TB, r rendered) T {
	tb.Helper()
	var found []T
	for _, o := range r.objects {
		if match, ok := o.(T); ok {
			found = append(found, match)
		}
	}
	if len(found) != 1 {
		tb.Fatalf("want one %T, have %d among %v", *new(T), len(found), r.ids())
	}
	return found[0]
}

// examples are the files of values in ci and in examples, by name.
func examples(tb testing.TB) map[string]string {
	tb.Helper()
	var names []string
	for _, folder := range []string{chartDir + "/ci", "examples"} {
		found, err := filepath.Glob(folder + "/*-values.yaml")
		if err != nil || len(found) == 0 {
			tb.Fatalf("no values in %s: %v", folder, err)
		}
		names = append(names, found...)
	}
	texts := make(map[string]string)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(name), "-values.yaml")] = string(text)
	}
	return texts
}

// Without a registry, NOTES.txt says who cannot read the topics, before anything
// is in them.
func TestNotes_adviseARegistry(t *testing.T) {
	t.Parallel()
	const advice = "schemaRegistry.url is not set: values are in Avro's single-object encoding, which Flink, Kafka Connect and ClickHouse cannot read"
	if notes := render(t, minimal).notes; !strings.Contains(notes, advice) {
		t.Errorf("without a registry, there is no %q in\n%s", advice, notes)
	}
	if notes := render(t, minimal, `schemaRegistry: {url: "http://schema-registry:8081"}`).notes; strings.Contains(notes, "schemaRegistry.url") {
		t.Errorf("with a registry, one is advised:\n%s", notes)
	}
}
