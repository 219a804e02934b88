package registry

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"pylon-kafka/avro"
)

// LetIn says how a subject is made to take a schema that is not compatible with
// what it holds. Consumers go by the id in each record and are not concerned.
func (r *Registry) LetIn(subject string) string {
	return fmt.Sprintf(`set the compatibility of subject %s to NONE (curl -X PUT -H 'Content-Type: application/vnd.schemaregistry.v1+json' `+
		`--data '{"compatibility":"NONE"}' %s/config/%s), or delete the subject`, subject, strings.TrimRight(r.URL(), "/"), url.PathEscape(subject))
}

// recordSchema is what is compared of a record's schema.
type recordSchema struct {
	Name      string        `json:"name"`
	Namespace string        `json:"namespace"`
	Fields    []recordField `json:"fields"`
}

type recordField struct {
	Name string `json:"name"`
	Type any    `json:"type"`
}

// fullName is the record's name with its namespace.
func (s *recordSchema) fullName() string {
	if s.Namespace == "" || strings.Contains(s.Name, ".") {
		return s.Name
	}
	return s.Namespace + "." + s.Name
}

// difference says in what a subject's schema differs from ours: in the record and
// its layout, or else in the first field.
func difference(theirs, ours string) string {
	var there, here recordSchema
	if err := json.Unmarshal([]byte(theirs), &there); err != nil || there.Name == "" {
		return "the subject's latest schema is no record"
	}
	if err := json.Unmarshal([]byte(ours), &here); err != nil {
		return err.Error()
	}
	if there.fullName() != here.fullName() {
		return fmt.Sprintf("the subject's latest schema is of %s, and ours of %s", named(theirs, &there), named(ours, &here))
	}
	if field := firstDifference(there.Fields, here.Fields); field != "" {
		return "in the subject's latest schema " + field
	}
	return "the subject's latest schema has the same fields, so it differs from an earlier version, or inside a field"
}

// anotherRecord reports whether two schemas are of different records.
func anotherRecord(theirs, ours string) bool {
	var there, here recordSchema
	return json.Unmarshal([]byte(theirs), &there) != nil || json.Unmarshal([]byte(ours), &here) != nil || there.fullName() != here.fullName()
}

// named is a record's name, with its layout where it is one of ours.
func named(schema string, r *recordSchema) string {
	if _, layout, ok := avro.Identify(schema); ok {
		return fmt.Sprintf("%s (layout %s)", r.fullName(), layout)
	}
	return r.fullName()
}

// firstDifference says of the first field that differs how it does, or "".
func firstDifference(there, here []recordField) string {
	types := make(map[string]any, len(there))
	for _, f := range there {
		types[f.Name] = f.Type
	}
	for _, f := range here {
		theirs, ok := types[f.Name]
		delete(types, f.Name)
		switch {
		case !ok:
			return fmt.Sprintf("there is no field %s", f.Name)
		case wholeText(theirs) != wholeText(f.Type):
			return fmt.Sprintf("field %s has type %s, and in ours %s", f.Name, typeText(theirs), typeText(f.Type))
		}
	}
	for _, f := range there {
		if _, ok := types[f.Name]; ok {
			return fmt.Sprintf("there is a field %s, which ours has not", f.Name)
		}
	}
	return ""
}

// bare is a type without what is said of it in words.
func bare(v any) any {
	switch v := v.(type) {
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = bare(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, part := range v {
			if name != "doc" && name != "aliases" {
				all[name] = bare(part)
			}
		}
		if len(all) == 1 && all["type"] != nil {
			return all["type"] // {"type":"string"} is "string"
		}
		return all
	default:
		return v
	}
}

// wholeText is a type as JSON, with its members in one order.
func wholeText(v any) string {
	text, err := json.Marshal(bare(v))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// typeText is a type as JSON, cut where it is long.
func typeText(v any) string {
	const most = 80
	text := wholeText(v)
	if len(text) > most {
		return oneLine(text[:most] + "…")
	}
	return text
}
