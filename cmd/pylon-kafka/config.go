package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"pylon-kafka/cmd/pylon-kafka/internal/cli"
	"pylon-kafka/cmd/pylon-kafka/internal/settings"
	"pylon-kafka/cmd/pylon-kafka/internal/terminal"
)

// settingReport is one setting as `config` prints it.
type settingReport struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Set     bool   `json:"set"`
	Meaning string `json:"meaning"`
}

func newConfigCommand(a *app) *cobra.Command {
	var o *cli.Output
	cmd := &cobra.Command{
		Use:   "config",
		Short: "List the settings with their values, secrets masked",
		Long: `Lists every setting that there is with the value that it has in this environment;
of a secret it shows only whether it is set. Then it says what is wrong with the
settings, as run and sync would, and ends with 2 if anything is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.printSettings(o); err != nil {
				return err
			}
			_, err := settings.Load[settings.Config](cmd.Context(), a.env)
			return err
		},
	}
	o = cli.OutputFlags(cmd)
	return cmd
}

func (a *app) printSettings(o *cli.Output) error {
	reports := settingReports(a.env)
	if o.JSON {
		return terminal.PrintJSON(a.stdout, reports)
	}
	t := terminal.NewTable(terminal.Column{Title: "SETTING"}, terminal.Column{Title: "VALUE", Cut: true}, terminal.Column{Title: "FROM"},
		terminal.Column{Title: "MEANING", Note: true})
	for _, r := range reports {
		from := "default"
		switch {
		case r.Set:
			from = "environment"
		case r.Value == "":
			from = "not set"
		}
		t.Add(r.Name, cmp.Or(r.Value, "-"), from, r.Meaning)
	}
	return t.Write(a.screen(o))
}

// settingReports says what every setting is in env.
func settingReports(env settings.Environment) []settingReport {
	var reports []settingReport
	for _, s := range settings.Known() {
		r := settingReport{Name: s.Name, Value: s.Default, Default: s.Default, Meaning: s.Meaning()}
		if value, set := env.Lookup(s.Name); set {
			r.Value, r.Set = s.Show(value), true
		}
		reports = append(reports, r)
	}
	return reports
}
