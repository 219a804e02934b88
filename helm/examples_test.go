package helm_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"pylon-kafka/extract"
)

// strimziObjects are the example for Strimzi.
func strimziObjects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile("examples/strimzi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text))
	var objects []*unstructured.Unstructured
	for {
		o := new(unstructured.Unstructured)
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
}

// definitions are Strimzi's own, by kind.
func definitions(t *testing.T) map[string]*apiextensions.JSONSchemaProps {
	t.Helper()
	files, err := filepath.Glob("testdata/strimzi/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions of Strimzi's: %v", err)
	}
	schemas := make(map[string]*apiextensions.JSONSchemaProps)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &definition); err != nil {
			t.Fatal(err)
		}
		internal := new(apiextensions.JSONSchemaProps)
		served := definition.Spec.Versions[0]
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(served.Schema.OpenAPIV3Schema, internal, nil); err != nil {
			t.Fatal(err)
		}
		schemas[definition.Spec.Group+"/"+served.Name+" "+definition.Spec.Names.Kind] = internal
	}
	return schemas
}

// What an API server with Strimzi's definitions says of the example: nothing is
// refused, and no field is unknown.
func TestExamples_areWhatStrimziTakes(t *testing.T) {
	t.Parallel()
	schemas := definitions(t)
	for _, o := range strimziObjects(t) {
		schema := schemas[o.GetAPIVersion()+" "+o.GetKind()]
		if schema == nil {
			t.Fatalf("there is no definition of %s %s", o.GetAPIVersion(), o.GetKind())
		}
		validator, _, err := validation.NewSchemaValidator(schema)
		if err != nil {
			t.Fatal(err)
		}
		if errs := validation.ValidateCustomResource(nil, o.Object, validator); len(errs) > 0 {
			t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), errs)
		}
		shape, err := structural.NewStructural(schema)
		if err != nil {
			t.Fatal(err)
		}
		options := structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
		if unknown := pruning.PruneWithOptions(o.Object, shape, true, options); len(unknown) > 0 {
			t.Errorf("%s %s: unknown fields %v", o.GetKind(), o.GetName(), unknown)
		}
	}
}

// The example has every topic that the program writes.
func TestExamples_haveEveryTopic(t *testing.T) {
	want := []string{"pylon.deadletter", "pylon.index", "pylon.offsets", "pylon.schemas"}
	for _, stream := range extract.Streams() {
		want = append(want, "pylon."+stream.Name)
	}
	var got []string
	for _, o := range strimziObjects(t) {
		if name, found, err := unstructured.NestedString(o.Object, "spec", "topicName"); found && err == nil {
			got = append(got, name)
		}
	}
	lacking := slices.DeleteFunc(slices.Clone(want), func(topic string) bool { return slices.Contains(got, topic) })
	if len(got) != len(want)-len(lacking) {
		t.Errorf("the example has topics that the program does not write: %v, not only %v", got, want)
	}
	for _, topic := range lacking {
		// As the topic of users, which comes with the others of its kind.
		document := regexp.MustCompile(`(?s)apiVersion: [^\n]+\nkind: KafkaTopic\nmetadata:\n  name: pylon.users\n.+?---\n`)
		text, err := os.ReadFile("examples/strimzi.yaml")
		if err != nil {
			t.Fatal(err)
		}
		users := document.FindString(string(text))
		added := strings.NewReplacer("name: pylon.users", "name: "+strings.ReplaceAll(topic, "_", "-"), "topicName: pylon.users", "topicName: "+topic).Replace(users)
		rewrite(t, "examples/strimzi.yaml", users, users+added)
	}
}

// Every file that the chart's README names is there.
func TestExamples_areThoseOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(chartDir + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("examples/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(string(text), "helm/"+file) {
			t.Errorf("README.md does not name helm/%s", file)
		}
	}
	for word := range strings.FieldsSeq(string(text)) {
		if file, ok := strings.CutPrefix(strings.Trim(word, "`().,"), "helm/examples/"); ok {
			if _, err := os.Stat("examples/" + file); err != nil {
				t.Error(err)
			}
		}
	}
}
