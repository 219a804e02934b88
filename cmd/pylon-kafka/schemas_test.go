package main

import (
	"bytes"
	"strings"
	"testing"

	"pylon-kafka/avro/ddl"
	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
)

// schemasOutput runs the command schemas.
func schemasOutput(t *testing.T, env settings.Environment, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), append([]string{"schemas"}, args...), env, &out, &out); err != nil {
		t.Fatalf("schemas %v: %v", args, err)
	}
	return out.String()
}

func TestSchemas_printsTheTablesOfAReader(t *testing.T) {
	t.Parallel()
	env := settings.Environment{
		"KAFKA_BROKERS": "one:9092,two:9092", "KAFKA_TOPIC_PREFIX": "crm-", "KAFKA_KEY_FORMAT": "avro",
		"VALUE_LAYOUT": "flat", "SCHEMA_REGISTRY_URL": "https://registry/apis/ccompat/v7",
		"SCHEMA_REGISTRY_USERNAME": "user", "SCHEMA_REGISTRY_PASSWORD": "hunter2",
	}
	for format, wants := range map[string][]string{
		"flink": {
			"CREATE TABLE `accounts`", "`assignee_email` STRING", "'topic' = 'crm-issues'", "'one:9092,two:9092'",
			"'key.format' = 'avro-confluent'", "'https://registry/apis/ccompat/v7'",
		},
		"postgres":   {`CREATE TABLE "crm-issues"`, `"tags" text[]`},
		"clickhouse": {"kafka_topic_list = 'crm-accounts'"},
		"spark":      {"from_avro", "IssueFlat"},
		"bigquery":   {"CREATE TABLE `issues`"},
	} {
		sql := schemasOutput(t, env, "--format", format, "issues", "accounts")
		for _, want := range wants {
			if !strings.Contains(sql, want) {
				t.Errorf("%s: %q is not in\n%.3000s", format, want, sql)
			}
		}
		if strings.Contains(sql, "`issue_messages`") || strings.Contains(sql, "hunter2") {
			t.Errorf("%s: more than was asked for", format)
		}
		if n := strings.Count(schemasOutput(t, env, "--format", format), "CREATE"); n < len(cli.Streams()) {
			t.Errorf("%s: %d statements for all streams", format, n)
		}
	}
	// A setting is needed only where the tool needs it.
	if sql := schemasOutput(t, settings.Environment{}, "--format", "spark", "tags"); !strings.Contains(sql, "localhost:9092") || !strings.Contains(sql, "pylon.tags") {
		t.Errorf("without settings:\n%s", sql)
	}
}

func TestSchemas_printsTheLayoutOfTheSettings(t *testing.T) {
	t.Parallel()
	flat := settings.Environment{"VALUE_LAYOUT": "flat", "FLAT_ARRAYS": "text"}
	if got := schemasOutput(t, flat, "issues"); !strings.Contains(got, `"IssueFlatText"`) && !strings.Contains(got, `com.usepylon.IssueFlatText`) {
		t.Errorf("schema of issues: %.300s", got)
	}
	if got := schemasOutput(t, flat, "-o", "wide"); !strings.Contains(got, "com.usepylon.IssueFlatText") {
		t.Errorf("table:\n%s", got)
	}
}

func TestSchemas_saysWhatCannotBePrinted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		env  settings.Environment
		code int
		want string
	}{
		"a slip":            {[]string{"--format", "flnk"}, nil, exitUsage, `unknown format "flnk": did you mean flink?`},
		"a longer name":     {[]string{"--format", "PostgreSQL"}, nil, exitUsage, "did you mean postgres?"},
		"no such tool":      {[]string{"--format", "excel"}, nil, exitUsage, strings.Join(ddl.Formats(), ", ")},
		"empty":             {[]string{"--format", ""}, nil, exitUsage, `unknown format ""`},
		"no such stream":    {[]string{"--format", "flink", "isues"}, nil, exitUsage, "did you mean issues?"},
		"as JSON":           {[]string{"--format", "flink", "--json"}, nil, exitUsage, "none of the others can be"},
		"two schemas":       {[]string{"issues", "tags"}, nil, exitUsage, "--format"},
		"no registry":       {[]string{"--format", "flink"}, nil, exitFailed, "set SCHEMA_REGISTRY_URL"},
		"no columns":        {[]string{"--format", "postgres"}, nil, exitFailed, "VALUE_LAYOUT=flat"},
		"an unknown layout": {nil, settings.Environment{"VALUE_LAYOUT": "square"}, exitUsage, `VALUE_LAYOUT is "square"`},
		"an unknown key":    {nil, settings.Environment{"KAFKA_KEY_FORMAT": "json"}, exitUsage, `KAFKA_KEY_FORMAT is "json"`},
		"a URL with a secret": {
			[]string{"--format", "flink"}, settings.Environment{"SCHEMA_REGISTRY_URL": "http://u:hunter2@h"}, exitUsage, "SCHEMA_REGISTRY_URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"schemas"}, test.args...), test.env, &out, &out)
			if exitCode(err) != test.code || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("run = %v with exit code %d, want %d and %q", err, exitCode(err), test.code, test.want)
			}
			if out.Len() > 0 {
				t.Errorf("output: %s", out.String())
			}
		})
	}
}
