package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
	"pylon-kafka/producer"
)

// streamInfo is one stream as `streams` prints it.
type streamInfo struct {
	Stream    string `json:"stream"`
	Topic     string `json:"topic"`
	Sync      string `json:"sync"`
	Request   string `json:"request"`
	Key       string `json:"key"`
	Endpoint  string `json:"endpoint"`
	PerMinute int    `json:"requests_per_minute"` // as Pylon documents it
}

func newStreamsCommand(a *app) *cobra.Command {
	var o *cli.Output
	owners := false
	cmd := &cobra.Command{
		Use:   "streams",
		Short: "List the streams: topic, how they are read, key, rate limit",
		Long: `Lists the streams: topic, how they are read, key, rate limit. No setting has to be
there. With --owners it asks the cluster which replica of run works which stream;
for that it needs the KAFKA_ settings.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if owners {
				return a.owners(cmd.Context(), o)
			}
			infos := streamInfos(a.env)
			if o.JSON {
				return terminal.PrintJSON(a.stdout, infos)
			}
			return writeStreams(a.screen(o), infos)
		},
	}
	o = cli.OutputFlags(cmd)
	cmd.Flags().BoolVar(&owners, "owners", false, "ask the cluster which replica works which stream")
	return cmd
}

// writeStreams prints the streams as a table.
func writeStreams(s terminal.Screen, infos []streamInfo) error {
	if s.Width > 0 {
		t := terminal.NewTable(terminal.Column{Title: "STREAM"}, terminal.Column{Title: "SYNC"}, terminal.Column{Title: "KEY"},
			terminal.Column{Title: "A MINUTE", Right: true}, terminal.Column{Title: "REQUEST", Cut: true})
		for _, i := range infos {
			t.Add(i.Stream, i.Sync, i.Key, strconv.Itoa(i.PerMinute), i.Request)
		}
		return t.Write(s)
	}
	t := terminal.NewTable(terminal.Column{Title: "STREAM"}, terminal.Column{Title: "TOPIC"}, terminal.Column{Title: "SYNC"}, terminal.Column{Title: "REQUEST"},
		terminal.Column{Title: "KEY"}, terminal.Column{Title: "LIMIT"}, terminal.Column{Title: "A MINUTE", Right: true})
	for _, i := range infos {
		t.Add(i.Stream, i.Topic, i.Sync, i.Request, i.Key, i.Endpoint, strconv.Itoa(i.PerMinute))
	}
	return t.Write(s)
}

// streamInfos describes every stream. Of the settings only the prefix of the
// topics counts here, and none has to be there.
func streamInfos(env settings.Environment) []streamInfo {
	prefix, _ := env.Lookup("KAFKA_TOPIC_PREFIX")
	if prefix == "" {
		known := settings.Known()
		i := slices.IndexFunc(known, func(s settings.Setting) bool { return s.Name == "KAFKA_TOPIC_PREFIX" })
		prefix = known[i].Default
	}
	var infos []streamInfo
	for _, s := range extract.Streams() {
		method := "GET"
		if s.Sync == extract.SyncIssues {
			method = "POST"
		}
		key := s.Key
		if s.KeyByParent {
			key = s.ParentField + ":" + s.Key
		}
		request := method + " " + s.Path
		if len(s.ListedFor) > 0 {
			request += "?" + s.ParentField + "={id}"
		}
		infos = append(infos, streamInfo{
			Stream:    s.Name,
			Topic:     prefix + s.Name,
			Sync:      string(s.Sync),
			Request:   request,
			Key:       key,
			Endpoint:  s.Endpoint,
			PerMinute: s.PerMinute,
		})
	}
	return infos
}

// owners prints which replica works which stream, as the cluster has it.
func (a *app) owners(ctx context.Context, o *cli.Output) error {
	cfg, err := settings.Load[settings.Cluster](ctx, a.env)
	if err != nil {
		return err
	}
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	owners, err := producer.Owners(ctx, cfg.Producer)
	if err != nil {
		return err
	}
	if o.JSON {
		return terminal.PrintJSON(a.stdout, owners)
	}
	t := terminal.NewTable(terminal.Column{Title: "STREAM"}, terminal.Column{Title: "LEASE", Right: true},
		terminal.Column{Title: "REPLICA", Cut: true}, terminal.Column{Title: "HOST"})
	for _, one := range owners {
		replica := one.Owner
		if replica == "" {
			replica = "nobody"
		}
		t.Add(one.Stream, strconv.Itoa(int(one.Partition)), replica, one.Host)
	}
	return t.Write(a.screen(o))
}
