package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
	"pylon-kafka/extract"
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
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "streams",
		Short: "List the streams: topic, how they are read, key, rate limit",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			infos := streamInfos(a.env)
			if asJSON {
				return terminal.PrintJSON(a.stdout, infos)
			}
			t := terminal.NewTable("STREAM", "TOPIC", "SYNC", "REQUEST", "KEY", "LIMIT", ">A MINUTE")
			for _, i := range infos {
				t.Add(i.Stream, i.Topic, i.Sync, i.Request, i.Key, i.Endpoint, fmt.Sprint(i.PerMinute))
			}
			return t.Write(a.stdout)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
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
