package settings

import (
	"os"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// Environment holds environment variables by name. Unlike the lookupers of
// envconfig it can be listed, which the check for misspelt names needs.
type Environment map[string]string

var _ envconfig.Lookuper = Environment(nil)

// FromOS is the environment of this process.
func FromOS() Environment {
	env := make(Environment)
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
func (e Environment) Lookup(name string) (string, bool) {
	value, ok := e[name]
	if value == "" && name != HTTPAddrName {
		return "", false
	}
	return value, ok
}
