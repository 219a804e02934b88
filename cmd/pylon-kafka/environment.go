package main

import (
	"os"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// environment holds environment variables by name. Unlike the lookupers of
// envconfig it can be listed, which the check for misspelt names needs.
type environment map[string]string

var _ envconfig.Lookuper = environment(nil)

// osEnvironment is the environment of this process.
func osEnvironment() environment {
	env := make(environment)
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

// Lookup returns the value of name. A variable that is set and empty counts as
// not set, since that is what a chart or a compose file makes of a value left
// out. HTTP_ADDR is the exception: empty turns the server off.
func (e environment) Lookup(name string) (string, bool) {
	value, ok := e[name]
	if value == "" && name != httpAddrName {
		return "", false
	}
	return value, ok
}
