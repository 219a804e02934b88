package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/extract"
)

// Streams lists the names of the streams in their order.
func Streams() []string {
	var names []string
	for _, s := range extract.Streams() {
		names = append(names, s.Name)
	}
	return names
}

// StreamArgs accepts names of streams and nothing else.
func StreamArgs(_ *cobra.Command, args []string) error {
	for _, name := range args {
		if _, ok := extract.Find(name); !ok {
			if meant := settings.Nearest(name, Streams()); meant != "" {
				return fmt.Errorf("unknown stream %q: did you mean %s?", name, meant)
			}
			return fmt.Errorf("unknown stream %q: want one of %s", name, strings.Join(Streams(), ", "))
		}
	}
	return nil
}

// AtLeastOneStream accepts names of streams, one or more.
func AtLeastOneStream(cmd *cobra.Command, args []string) error {
	return cobra.MatchAll(cobra.MinimumNArgs(1), StreamArgs)(cmd, args)
}

// CompleteStreams completes names of streams that are not chosen yet, and those of
// others.
func CompleteStreams(others ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, chosen []string, _ string) ([]string, cobra.ShellCompDirective) {
		names := slices.DeleteFunc(append(Streams(), others...), func(name string) bool { return slices.Contains(chosen, name) })
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
