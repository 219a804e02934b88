package helm_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"

	"pylon-kafka/extract"
)

// schema is the part of JSON Schema that values.schema.json needs here.
type schema struct {
	Ref                  string             `json:"$ref"`
	AdditionalProperties any                `json:"additionalProperties"`
	Properties           map[string]*schema `json:"properties"`
	PatternProperties    map[string]*schema `json:"patternProperties"`
	Definitions          map[string]*schema `json:"definitions"`
	Pattern              string             `json:"pattern"`
}

// resolve follows a reference to one of root's definitions.
func (s *schema) resolve(root *schema) *schema {
	if s.Ref == "" {
		return s
	}
	return root.Definitions[strings.TrimPrefix(s.Ref, "#/definitions/")]
}

// at returns the schema of the value with this path, such as "pylon.streams".
func (s *schema) at(valuePath string) *schema {
	at := s
	for name := range strings.SplitSeq(valuePath, ".") {
		at = at.Properties[name].resolve(s)
	}
	return at
}

func readSchema(tb testing.TB) *schema {
	tb.Helper()
	text, err := os.ReadFile("pylon-kafka/values.schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	root := new(schema)
	if err := json.Unmarshal(text, root); err != nil {
		tb.Fatal(err)
	}
	return root
}

// A value that the schema does not know cannot be set, and one that values.yaml
// does not show is not documented.
func TestValues_areThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("pylon-kafka/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values yaml.Node
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	root := readSchema(t)
	if diff := cmp.Diff(schemaPaths(root, root, ""), valuePaths(values.Content[0], "")); diff != "" {
		t.Errorf("paths in values.schema.json (-) and in values.yaml (+):\n%s", diff)
	}
}

// schemaPaths lists the paths of the leaves below s, sorted: what has no fixed
// members.
func schemaPaths(root, s *schema, at string) []string {
	// A shape of Kubernetes' own is one value of ours.
	if strings.HasPrefix(s.Ref, "#/definitions/k8s") {
		return []string{at}
	}
	if s = s.resolve(root); len(s.Properties) == 0 {
		return []string{at}
	}
	var paths []string
	for name, member := range s.Properties {
		if at == "" && name == "global" {
			continue // a parent chart's, which Helm passes on: none of our business
		}
		paths = append(paths, schemaPaths(root, member, path.Join(at, name))...)
	}
	slices.Sort(paths)
	return paths
}

// valuePaths lists the paths of the leaves below node, sorted. A map whose
// members Kubernetes knows, or the user, is a leaf.
func valuePaths(node *yaml.Node, at string) []string {
	wholes := []string{"podSecurityContext", "securityContext", "resources", "dashboard/labels"}
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 || slices.Contains(wholes, at) {
		return []string{at}
	}
	var paths []string
	for i := 0; i < len(node.Content); i += 2 {
		paths = append(paths, valuePaths(node.Content[i+1], path.Join(at, node.Content[i].Value))...)
	}
	slices.Sort(paths)
	return paths
}

// Where the members of a map are ours, a misspelt one must be refused.
func TestSchema_isClosedWhereTheShapeIsOurs(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	var visit func(s *schema, at string)
	visit = func(s *schema, at string) {
		if s = s.resolve(root); len(s.Properties) == 0 {
			return
		}
		if s.AdditionalProperties != false {
			t.Errorf("%q takes members that it does not know", at)
		}
		for name, member := range s.Properties {
			visit(member, path.Join(at, name))
		}
	}
	visit(root, "")
}

// Where a shape is Kubernetes' own, no field of it is refused and none made up.
func TestSchema_hasTheFieldsOfKubernetes(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	for name, of := range map[string]any{
		"k8sAffinity": core.Affinity{}, "k8sCapabilities": core.Capabilities{}, "k8sContainer": core.Container{}, "k8sContainerPort": core.ContainerPort{},
		"k8sDnsConfig": core.PodDNSConfig{}, "k8sEnv": core.EnvVar{}, "k8sEnvFrom": core.EnvFromSource{}, "k8sHostAlias": core.HostAlias{},
		"k8sPeer": networking.NetworkPolicyPeer{}, "k8sPodSecurityContext": core.PodSecurityContext{}, "k8sProfile": core.SeccompProfile{},
		"k8sResources": core.ResourceRequirements{}, "k8sSELinuxOptions": core.SELinuxOptions{}, "k8sSecurityContext": core.SecurityContext{},
		"k8sSpread": core.TopologySpreadConstraint{}, "k8sToleration": core.Toleration{}, "k8sVolume": core.Volume{}, "k8sVolumeMount": core.VolumeMount{},
	} {
		want := slices.Sorted(maps.Keys(fieldsOf(reflect.TypeOf(of))))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(root.Definitions[name].Properties))); diff != "" {
			t.Errorf("%s: fields of Kubernetes (-) and of the schema (+):\n%s", name, diff)
		}
	}
}

// fieldsOf returns the names of a struct's fields in JSON.
func fieldsOf(of reflect.Type) map[string]bool {
	names := make(map[string]bool)
	for i := range of.NumField() {
		field := of.Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names[name] = true
		} else {
			maps.Copy(names, fieldsOf(field.Type)) // embedded
		}
	}
	return names
}

var update = flag.Bool("update", false, "write the program's streams and endpoints into the chart's schema and examples")

// rewrite replaces a text in a file if the test was called with -update, and is
// an error otherwise.
func rewrite(tb testing.TB, file, before, after string) {
	tb.Helper()
	if !*update {
		tb.Errorf("%s is not what the program has (.ci/chart --write mends it):\n%s", file, cmp.Diff(after, before))
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), before, after)), 0o600); err != nil { //nolint:gosec // The callers name literals.
		tb.Fatal(err)
	}
}

func TestSchema_knowsTheStreamsAndEndpointsOfTheProgram(t *testing.T) {
	var streams, endpoints []string
	for _, s := range extract.Streams() {
		streams = append(streams, s.Name)
	}
	for _, e := range extract.Endpoints() {
		endpoints = append(endpoints, e.Name)
	}
	root := readSchema(t)
	for _, tt := range []struct {
		name    string
		pattern string
		want    []string
	}{
		{"pylon.streams", root.Definitions["stream"].Pattern, streams},
		{"pylon.intervals", onlyPattern(t, root.at("pylon.intervals")), streams},
		{"pylon.rateLimits", onlyPattern(t, root.at("pylon.rateLimits")), endpoints},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if want := "^(" + strings.Join(tt.want, "|") + ")$"; tt.pattern != want {
				rewrite(t, "pylon-kafka/values.schema.json", tt.pattern, want)
			}
		})
	}
}

// onlyPattern returns the pattern that the names of a map's members must match.
func onlyPattern(tb testing.TB, s *schema) string {
	tb.Helper()
	if len(s.PatternProperties) != 1 || s.AdditionalProperties != false {
		tb.Fatalf("want one pattern and nothing else, have %v", s.PatternProperties)
	}
	for pattern := range s.PatternProperties {
		return pattern
	}
	return ""
}
