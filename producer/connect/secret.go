package connect

import (
	"fmt"
	"os"
	"strings"

	"pylon-kafka/extract"
)

// Secret returns the value of a setting that may stand in the environment or in
// a file, named by the setting name_FILE, which is read now. Both empty is an
// empty secret. The error names the setting and the file.
func Secret(name string, value extract.Secret, file string) (extract.Secret, error) {
	if file == "" {
		return value, nil
	}
	if !value.IsZero() {
		return extract.Secret{}, fmt.Errorf("%s and %s_FILE are both set: use one", name, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return extract.Secret{}, fmt.Errorf("%s_FILE: %w", name, err)
	}
	secret := extract.NewSecret(strings.TrimSpace(string(text)))
	if secret.IsZero() {
		return extract.Secret{}, fmt.Errorf("%s_FILE is %q: the file is empty", name, file)
	}
	return secret, nil
}
