package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/build"
	"pylon-kafka/cmd/pylon-kafka/internal/cli"
)

// version and commit are set by the build:
//
//	go build -ldflags "-X main.version=v1.2.3 -X main.commit=$(git rev-parse HEAD)" ./cmd/pylon-kafka
var version, commit string

// buildInfo says what this binary was made of.
func buildInfo() build.Info { return build.Read(version, commit) }

func newVersionCommand(a *app) *cobra.Command {
	var o *cli.Output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print what this binary was built from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if o.JSON {
				return json.NewEncoder(a.stdout).Encode(buildInfo())
			}
			_, err := fmt.Fprintln(a.stdout, "pylon-kafka", buildInfo())
			return err
		},
	}
	o = cli.OutputFlags(cmd)
	return cmd
}
