package topics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/producer/connect"
)

// defaultMaxBytes is Kafka's default of max.message.bytes.
const defaultMaxBytes = 1048588

// names are those of the topics that have not failed.
func (s *survey) names() []string {
	var names []string
	for i, spec := range s.specs {
		if s.errs[i] == nil {
			names = append(names, spec.Name)
		}
	}
	return names
}

// configs reads the settings of the topics. The right to do so is one of its
// own, and some clusters do not offer it at all: then Kafka's defaults are
// taken, with a warning.
func (s *survey) configs(ctx context.Context) error {
	names := s.names()
	if len(names) == 0 {
		return nil
	}
	configs, err := s.adm.DescribeTopicConfigs(ctx, names...)
	if err != nil && !connect.IsDenied(err) && !errors.Is(err, kerr.UnsupportedVersion) {
		return fmt.Errorf("describe topics: %w", s.k.Explain(err))
	}
	for i, spec := range s.specs {
		if s.errs[i] != nil {
			continue
		}
		t := &s.topics[i]
		t.MaxBytes = defaultMaxBytes
		config, why := configs.On(spec.Name, nil)
		if why = cmp.Or(err, why, config.Err); why != nil {
			right := connect.Right{Operation: "DescribeConfigs", Name: spec.Name}
			t.Warnings = append(t.Warnings, fmt.Sprintf("its settings cannot be read, so a limit of %d bytes a record is taken: %v", defaultMaxBytes, s.k.Denied(why, right)))
			continue
		}
		t.Described = true
		s.judge(t, spec, valuesOf(config))
	}
	return nil
}

// valuesOf returns the settings of a topic by name.
func valuesOf(config kadm.ResourceConfig) map[string]string {
	values := make(map[string]string, len(config.Configs))
	for _, c := range config.Configs {
		values[c.Key] = c.MaybeValue()
	}
	return values
}

// judge fills in what the settings of a topic mean, and warns of what loses data
// or refuses records.
func (s *survey) judge(t *Topic, spec Spec, values map[string]string) {
	warn := func(format string, args ...any) { t.Warnings = append(t.Warnings, fmt.Sprintf(format, args...)) }
	if n, err := strconv.Atoi(values["max.message.bytes"]); err == nil && n > 0 {
		t.MaxBytes = n
	}
	policy := values["cleanup.policy"]
	removes := strings.Contains(policy, "delete")
	limits := retention(values)
	t.Compacted = strings.Contains(policy, "compact") && (!removes || limits == "")
	switch {
	case spec.Kind == Log && removes && limits != "":
		warn("Kafka deletes its records (%s), and a dead letter is lost then; keep them with: %s", limits, s.alter(spec.Name, "retention.ms=-1,retention.bytes=-1"))
	case spec.Kind == Log && !removes:
		warn("cleanup.policy is %q, so it keeps only the last dead letter of a key; keep all with: %s", policy, s.alter(spec.Name, "cleanup.policy=delete,retention.ms=-1"))
	case spec.Kind == Table && removes && limits != "":
		warn("cleanup.policy is %q, so Kafka removes records (%s), and what it removed is not published again: compact it with: %s and then: pylon-kafka publish-anew STREAM",
			policy, limits, s.alter(spec.Name, "cleanup.policy=compact"))
	case spec.Kind == Table && !t.Compacted:
		warn("cleanup.policy is %q, so it keeps every version and grows for ever; compact it with: %s", policy, s.alter(spec.Name, "cleanup.policy=compact"))
	}
	if t.MaxBytes < spec.MaxBytes && !hasSizeWarning(t.Warnings) {
		warn("max.message.bytes is %d, and a larger record becomes a dead letter; %d takes all", t.MaxBytes, spec.MaxBytes)
	}
	if least, err := strconv.Atoi(values["min.insync.replicas"]); err == nil && s.replicated[spec.Name] > 0 && least > s.replicated[spec.Name] {
		warn("min.insync.replicas is %d and it has %d replicas, so Kafka refuses every record; lower it with: %s",
			least, s.replicated[spec.Name], s.alter(spec.Name, "min.insync.replicas="+strconv.Itoa(s.replicated[spec.Name])))
	}
}

// hasSizeWarning reports whether a warning says already that the size is less.
func hasSizeWarning(warnings []string) bool {
	return slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "a larger record becomes a dead letter") })
}

// retention returns the limits by which Kafka removes records where the policy
// holds "delete", or "" if there are none.
func retention(values map[string]string) string {
	var limits []string
	for _, name := range []string{"retention.ms", "retention.bytes"} {
		if v := values[name]; v != "" && v != "-1" {
			limits = append(limits, name+" is "+v)
		}
	}
	return strings.Join(limits, ", ")
}

// replicas notes how many replicas the topic has.
func (s *survey) replicas(i int, t kmsg.MetadataResponseTopic) {
	for _, p := range t.Partitions {
		s.replicated[s.specs[i].Name] = len(p.Replicas)
	}
}

// starts reads where the partitions of the topics begin.
func (s *survey) starts(ctx context.Context) error {
	names := s.names()
	if len(names) == 0 {
		return nil
	}
	listed, err := s.adm.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("ask for the first offsets: %w", s.k.Explain(err))
	}
	for i, spec := range s.specs {
		if s.errs[i] != nil {
			continue
		}
		s.topics[i].Start = make([]int64, s.topics[i].Partitions)
		for p := range s.topics[i].Start {
			at, ok := listed.Lookup(spec.Name, int32(p))
			switch {
			case !ok:
				s.fail(i, false, fmt.Errorf("partition %d: the cluster does not say where it begins", p))
			case at.Err != nil:
				s.fail(i, false, fmt.Errorf("ask where partition %d begins: %w", p, s.denied(i, at.Err, "Describe")))
			default:
				s.topics[i].Start[p] = at.Offset
			}
		}
	}
	return nil
}
