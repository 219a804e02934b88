package settings

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"pylon-kafka/extract"
)

// Setting is one environment variable that the program reads, as its env tag
// declares it.
type Setting struct {
	Name    string
	Default string
	Type    reflect.Type
}

// settingsOf lists the settings that the struct type t declares, nested structs
// included, in the order of declaration.
func settingsOf(t reflect.Type) []Setting {
	return appendSettings(nil, t, "")
}

func appendSettings(settings []Setting, t reflect.Type, prefix string) []Setting {
	for field := range t.Fields() {
		if !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name = strings.TrimSpace(name); name != "" {
			settings = append(settings, Setting{
				Name:    prefix + name,
				Default: tagOption(options, "default="),
				Type:    field.Type,
			})
			continue
		}
		nested := field.Type
		if nested.Kind() == reflect.Pointer {
			nested = nested.Elem()
		}
		if nested.Kind() == reflect.Struct {
			settings = appendSettings(settings, nested, prefix+tagOption(options, "prefix="))
		}
	}
	return settings
}

// tagOption returns the value of one option of an env tag. A default takes the
// rest of the tag, commas included, as envconfig reads it.
func tagOption(options, key string) string {
	before, value, ok := strings.Cut(options, key)
	if !ok || strings.Contains(before, "default=") {
		return ""
	}
	if key != "default=" {
		value, _, _ = strings.Cut(value, ",")
	}
	return value
}

// Secret reports whether the value of the setting must never be shown. It goes
// by the end of the name, so that a setting added later is safe from the start.
func (s Setting) Secret() bool {
	for _, end := range []string{"_TOKEN", "_PASSWORD", "_SECRET"} {
		if strings.HasSuffix(s.Name, end) {
			return true
		}
	}
	return false
}

// Show returns value as it may be printed: nothing of a secret, and of each
// address only what [extract.MaskURL] shows.
func (s Setting) Show(value string) string {
	switch {
	case s.Secret():
		return masked
	case strings.HasSuffix(s.Name, "_BROKERS"):
		brokers := strings.Split(value, ",")
		for i, b := range brokers {
			brokers[i] = extract.MaskURL(b)
		}
		return strings.Join(brokers, ",")
	case strings.HasSuffix(s.Name, "_URL"), strings.Contains(value, "://"):
		return extract.MaskURL(value)
	default:
		return value
	}
}

// masked stands for a value that is not shown.
const masked = "******"

// problem words what is wrong with a value that could not be decoded: the
// variable, what it holds, and what would do.
func (s Setting) problem(value string, cause error) error {
	if s.Secret() {
		return fmt.Errorf("%s cannot be read (its value is not shown)", s.Name)
	}
	value = s.Show(value)
	switch {
	case s.Type == reflect.TypeFor[time.Duration]():
		return fmt.Errorf("%s is %q: want a duration such as 15s, 10m or 168h", s.Name, value)
	case s.Type == logLevelType:
		return fmt.Errorf("%s is %q: want debug, info, warn or error", s.Name, value)
	case s.Type.Kind() == reflect.Bool:
		return fmt.Errorf("%s is %q: want true or false", s.Name, value)
	case s.Type.Kind() >= reflect.Int && s.Type.Kind() <= reflect.Uint64 && s.Type.PkgPath() == "":
		return fmt.Errorf("%s is %q: want a whole number", s.Name, value)
	default:
		return fmt.Errorf("%s is %q: %w", s.Name, value, cause)
	}
}
