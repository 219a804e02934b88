package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write the man pages into a folder",
		Long: `Writes a man page for each command into the folder, which is made if it is not
there: what --help prints, for a package or an image. SOURCE_DATE_EPOCH sets their
date. To read one: man FOLDER/pylon-kafka.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // Man pages are for everybody.
				return fmt.Errorf("make the folder of the man pages: %w", err)
			}
			header := &doc.GenManHeader{Section: "1", Source: "pylon-kafka " + buildInfo().Version, Manual: "pylon-kafka"}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			root.InitDefaultHelpCmd()
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("write man pages: %w", err)
			}
			_, err := fmt.Fprintf(a.stdout, "The man pages are in %s.\n", args[0])
			return err
		},
	}
}
