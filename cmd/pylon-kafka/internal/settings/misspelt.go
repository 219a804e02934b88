package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// misspelt returns a problem for every variable of the environment that is not
// one of ours but one or two letters off one of ours. Such a variable would be
// ignored otherwise, and its owner would look for the reason elsewhere. Other
// variables, however close their prefix, are none of our business: a cluster
// sets KAFKA_PORT_9092_TCP, and KAFKA_HOME is somebody else's.
func misspelt(env Environment, known []Setting) []error {
	names := make([]string, 0, len(known))
	for _, s := range known {
		names = append(names, s.Name)
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if slices.Contains(names, name) || env[name] == "" {
			continue
		}
		if meant := Nearest(name, names); meant != "" {
			problems = append(problems, fmt.Errorf("%s is not a setting: did you mean %s?", name, meant))
		}
	}
	return problems
}

// Nearest returns the one of names that name is most likely a slip for, or "".
func Nearest(name string, names []string) string {
	meant, best := "", 3
	for _, n := range names {
		limit := 2
		if !strings.Contains(n, "_") {
			// A bare word such as PUBLISH has near neighbours that are words
			// of their own (PUBLIC); only the closest of them is a slip.
			limit = 1
		}
		distance := levenshtein.Distance(name, n, nil)
		if distance <= limit && distance < best {
			meant, best = n, distance
		}
	}
	return meant
}
