package cli

import (
	"io"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

// Output is how a command prints its result.
type Output struct {
	JSON bool
	form string // of -o
}

// OutputFlags adds -o and --json to a command that prints a table.
func OutputFlags(cmd *cobra.Command) *Output {
	o := new(Output)
	cmd.Flags().StringVarP(&o.form, "output", "o", "", "`wide`: every column, nothing cut; json: as JSON")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "the same as -o json")
	cmd.MarkFlagsMutuallyExclusive("output", "json")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		switch o.form {
		case "", "wide":
			return nil
		case "json":
			o.JSON = true
			return nil
		default:
			return Usagef("-o %s: want wide or json", o.form)
		}
	}
	return o
}

// Screen is where tables are printed.
func (o *Output) Screen(w io.Writer, env func(string) (string, bool)) terminal.Screen {
	return terminal.NewScreen(w, env, o.form == "wide")
}
