package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
)

// checkTimeout is how long one thing may take to answer: all of them together
// stay below the minute after which a check has ended.
const checkTimeout = 15 * time.Second

// checkResult is the outcome of one check.
type checkResult string

const (
	checkOK   checkResult = "ok"
	checkWarn checkResult = "warning" // it works, though not as well as it could
	checkFail checkResult = "failed"
)

// checkLine is one check as it is printed.
type checkLine struct {
	Check  string      `json:"check"`
	Result checkResult `json:"result"`
	Detail string      `json:"detail"`
}

// checker collects checks and what failed of them.
type checker struct {
	cfg   settings.Config
	lines []checkLine
	errs  []error
}

func newCheckCommand(a *app) *cobra.Command {
	var o *output
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Preflight: token, brokers, topics, registry; changes nothing",
		Long: `Checks what run and sync need, a line a check, and changes nothing: the settings,
the token, the brokers, the topics as far as they are there, and the schema
registry. It ends with 1 if a check failed, and with 3 if Pylon refused the token.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings.Load[settings.Config](cmd.Context(), a.env)
			if err != nil {
				return err
			}
			c := &checker{cfg: cfg}
			c.ok("settings", "every one fits")
			c.token(cmd.Context())
			c.kafka(cmd.Context())
			c.registry(cmd.Context())
			return errors.Join(c.write(a.screen(o), o.json), c.failed())
		},
	}
	o = outputFlags(cmd)
	return cmd
}

func (c *checker) ok(check, detail string) {
	c.lines = append(c.lines, checkLine{check, checkOK, detail})
}

func (c *checker) warn(check, detail string) {
	c.lines = append(c.lines, checkLine{check, checkWarn, detail})
}

func (c *checker) fail(check string, err error) {
	c.lines = append(c.lines, checkLine{check, checkFail, err.Error()})
	c.errs = append(c.errs, fmt.Errorf("%s: %w", check, err))
}

// failed returns nil if nothing failed. Otherwise its text only counts, since
// the reasons are in the table; they can be asked for with errors.Is.
func (c *checker) failed() error {
	if len(c.errs) == 0 {
		return nil
	}
	return &checkError{of: len(c.lines), errs: c.errs}
}

// checkError is that some checks failed.
type checkError struct {
	of   int
	errs []error
}

func (e *checkError) Error() string   { return fmt.Sprintf("%d of %d checks failed", len(e.errs), e.of) }
func (e *checkError) Unwrap() []error { return e.errs }

func (c *checker) write(s terminal.Screen, asJSON bool) error {
	if asJSON {
		return terminal.PrintJSON(s.W, c.lines)
	}
	t := terminal.NewTable(terminal.Column{Title: "CHECK"}, terminal.Column{Title: "RESULT"}, terminal.Column{Title: "DETAIL", Note: true})
	for _, line := range c.lines {
		t.Add(line.Check, string(line.Result), line.Detail)
	}
	return t.Write(s)
}

// token asks Pylon whose the token is.
func (c *checker) token(ctx context.Context) {
	const check = "token"
	client, err := extract.NewClient(c.cfg.Extract, extract.Options{})
	if err != nil {
		c.fail(check, err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	me, err := client.Me(ctx)
	if err != nil {
		c.fail(check, err)
		return
	}
	c.ok(check, fmt.Sprintf("%s accepts it; organization %s", c.cfg.Extract.APIURL, me.OrganizationName))
}

// kafka asks the cluster for its brokers and for every topic.
func (c *checker) kafka(ctx context.Context) {
	const check = "brokers"
	k := &c.cfg.Producer.Kafka
	options, err := k.ClientOptions() //nolint:contextcheck // The settings outlive this call: tokens are asked for as long as the client lives.
	if err != nil {
		c.fail(check, err)
		return
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		c.fail(check, err)
		return
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)

	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		c.fail(check, fmt.Errorf("KAFKA_BROKERS %v: %w", k.Brokers, err))
		return
	}
	c.ok(check, strconv.Itoa(len(brokers))+" in the cluster")

	topics := []string{k.Offsets(), k.Topic("deadletter")}
	if c.cfg.Producer.Registry.URL == "" {
		topics = append(topics, k.Topic("schemas"))
	}
	for _, s := range c.cfg.Extract.ChosenStreams() {
		topics = append(topics, k.Topic(s.Name))
	}
	c.topics(ctx, admin, topics)
}

// topics says of each topic whether it is there and keeps what it must.
func (c *checker) topics(ctx context.Context, admin *kadm.Client, names []string) {
	k := &c.cfg.Producer.Kafka
	configs, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		c.fail("topics", fmt.Errorf("describe: %w", err))
		return
	}
	for _, name := range names {
		check := "topic " + name
		topic, err := configs.On(name, nil)
		if err == nil {
			err = topic.Err
		}
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition) && k.CreateTopics:
			c.ok(check, "not there yet; will be created")
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			c.fail(check, errors.New("not there, and KAFKA_CREATE_TOPICS is false: create it with cleanup.policy=compact, or allow it"))
		case err != nil:
			c.warn(check, "its settings cannot be read: "+err.Error())
		default:
			c.topic(check, name, topic)
		}
	}
}

// wantedMessageBytes is what a topic should take, since bodies may be large.
const wantedMessageBytes = 16 << 20

// topic says what of an existing topic does not fit. Only the offsets topic
// must be compacted; the others are taken as they are.
func (c *checker) topic(check, name string, topic kadm.ResourceConfig) {
	k := &c.cfg.Producer.Kafka
	values := make(map[string]string)
	for _, config := range topic.Configs {
		values[config.Key] = config.MaybeValue()
	}
	policy := values["cleanup.policy"]
	isLog := name == k.Topic("deadletter") // not a table: it keeps every record
	size, err := strconv.Atoi(values["max.message.bytes"])
	switch {
	case policy != "compact" && name == k.Offsets():
		c.fail(check, fmt.Errorf("cleanup.policy is %q, so Kafka would delete cursors after a while: set it to compact", policy))
	case isLog && policy == "delete" && values["retention.ms"] != "-1":
		c.warn(check, fmt.Sprintf("retention.ms is %q, so Kafka deletes dead letters after a while: -1 keeps them", values["retention.ms"]))
	case isLog:
		c.ok(check, "there")
	case policy != "compact":
		c.warn(check, fmt.Sprintf("cleanup.policy is %q, so it does not stay a full table: compact would", policy))
	case err == nil && size < wantedMessageBytes && name != k.Offsets():
		c.warn(check, fmt.Sprintf("max.message.bytes is %d: a larger record becomes a dead letter; %d takes all", size, wantedMessageBytes))
	default:
		c.ok(check, "there, compacted")
	}
}

// registry asks the schema registry for what it supports.
func (c *checker) registry(ctx context.Context) {
	const check = "schema registry"
	r := &c.cfg.Producer.Registry
	client, err := r.Client()
	switch {
	case err != nil:
		c.fail(check, err)
		return
	case client == nil:
		c.ok(check, "none: records are in Avro's single-object encoding")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	subjects, err := client.Subjects(ctx)
	if err != nil {
		c.fail(check, fmt.Errorf("SCHEMA_REGISTRY_URL %s: %w", r.URL, err))
		return
	}
	c.ok(check, fmt.Sprintf("%s answers; %d subjects", r.URL, len(subjects)))
}
