package settings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

// HTTPAddrName is the one setting for which empty and not set differ.
const HTTPAddrName = "HTTP_ADDR"

// Config is every setting of the service: those of the packages that use them,
// and those of this one.
type Config struct {
	Extract  extract.Config
	Producer producer.Config
	Process  Process
}

// Cluster is what a command needs that asks Kafka and the schema registry, and
// Pylon nothing: no token.
type Cluster struct {
	Producer producer.Config
}

// Validate reports every setting that cannot work, joined.
func (c *Cluster) Validate() error { return c.Producer.Validate() }

// Process is what belongs to the process as a whole.
type Process struct {
	HTTPAddr  string     `env:"HTTP_ADDR, default=:8080"`
	LogLevel  slog.Level `env:"LOG_LEVEL, default=info"`
	LogFormat string     `env:"LOG_FORMAT"`
}

// logLevelType lets settings.go say which levels there are.
var logLevelType = reflect.TypeFor[slog.Level]()

// Validate reports every setting that cannot work, joined.
func (c *Config) Validate() error {
	return errors.Join(c.Extract.Validate(), c.Producer.Validate(), c.Process.Validate())
}

// Validate reports every setting that cannot work, joined.
func (c *Process) Validate() error {
	switch c.LogFormat {
	case "", "json", "text":
		return nil
	default:
		return fmt.Errorf("LOG_FORMAT is %q: want json or text, or nothing for text on a terminal and json elsewhere", c.LogFormat)
	}
}

// Known lists every setting there is.
func Known() []Setting { return settingsOf(reflect.TypeFor[Config]()) }

// validator is a struct of settings that checks itself after it was decoded.
type validator interface{ Validate() error }

// Load decodes env into a new T and validates it. The error is of type [Problems]: it
// joins all problems, so that nobody has to mend them one run at a time:
// values that cannot be decoded, settings that are missing or do not fit, and
// variables whose name is a slip for one of ours.
func Load[T any, P interface {
	*T
	validator
}](ctx context.Context, env Environment,
) (T, error) {
	target, problems := decode[T](ctx, env)
	problems = append(problems, validate(P(&target), problems)...)
	problems = append(problems, misspelt(env, Known())...)
	if len(problems) == 0 {
		return target, nil
	}
	return target, Problems(problems)
}

// decode fills a new T from env. envconfig stops at the first value that it
// cannot decode, so the value is noted, taken away, and the rest decoded again.
func decode[T any](ctx context.Context, env Environment) (T, []error) {
	settings := settingsOf(reflect.TypeFor[T]())
	rest := maps.Clone(env)
	var problems []error
	for {
		var target T
		asked := "" // the name that envconfig looked up last
		lookuper := envconfig.LookuperFunc(func(name string) (string, bool) {
			asked = name
			return rest.Lookup(name)
		})
		err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &target, Lookuper: lookuper})
		if err == nil {
			return target, problems
		}
		i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == asked })
		value, set := rest.Lookup(asked)
		if i < 0 || !set {
			// Not a value but a tag is wrong: a mistake of ours.
			return target, append(problems, fmt.Errorf("decode settings: %w", err))
		}
		problems = append(problems, &settingError{name: asked, err: settings[i].problem(value, err)})
		delete(rest, asked)
	}
}

// settingError is a problem with the value of one variable.
type settingError struct {
	name string
	err  error
}

func (e *settingError) Error() string { return e.err.Error() }
func (e *settingError) Unwrap() error { return e.err }

// validate returns what v says about itself, one error a problem, without what
// it says about variables that could not be decoded: they look as if they were
// missing, and that is not what is wrong with them.
func validate(v validator, undecoded []error) []error {
	return slices.DeleteFunc(flatten(v.Validate()), func(problem error) bool {
		return slices.ContainsFunc(undecoded, func(err error) bool {
			var s *settingError
			return errors.As(err, &s) && strings.HasPrefix(problem.Error(), s.name+" ")
		})
	})
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, flatten(e)...)
	}
	return errs
}

// Problems is everything that is wrong with the settings. Its text has one problem a
// line. Nothing outside of the process was touched when it is returned.
type Problems []error

func (p Problems) Error() string {
	var text strings.Builder
	text.WriteString("settings: nothing was done, since")
	for _, problem := range p {
		text.WriteString("\n  " + problem.Error())
	}
	text.WriteString("\n\"pylon-kafka config\" lists the settings.")
	return text.String()
}

func (p Problems) Unwrap() []error { return p }

// Logger makes the logger of the process. Logs go to w, the standard error or
// what draws progress bars on it; human says whether a person reads them.
func (c *Process) Logger(w io.Writer, human bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: durationAsText}
	if c.LogFormat == "text" || c.LogFormat == "" && human {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// durationAsText writes a duration as a person does, in JSON too.
func durationAsText(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
