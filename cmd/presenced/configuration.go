package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"presenced/configs"
	"presenced/worker"
)

// settings are the flags that say which configuration to use.
type settings struct {
	path      string
	overrides []configs.Override
}

// flags that stand for a key of the file.
var flagKeys = []struct{ flag, key, help string }{
	{"nats-url", "nats.url", "NATS server(s) to use instead of the embedded one"},
	{"nats-context", "nats.context", "context of the nats CLI to use"},
	{"store-dir", "embedded.store_dir", "where the embedded server keeps its files"},
	{"nats-listen", "embedded.listen", "where the embedded server listens"},
	{"http-listen", "http.listen", "where health and metrics are served"},
	{"log-level", "log.level", "debug, info, warn or error"},
	{"log-format", "log.format", "json, console or auto"},
}

func (s *settings) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.path, "config", "c", "", "configuration file (environment variables alone if empty)")
	for _, f := range flagKeys {
		cmd.Flags().Func(f.flag, f.help, func(value string) error {
			s.overrides = append(s.overrides, configs.Override{Key: f.key, Value: value, Origin: "--" + f.flag})
			return nil
		})
	}
}

func (s *settings) inputs() configs.Inputs {
	return configs.Inputs{
		Environ: os.Environ(), Overrides: s.overrides, CheckSchedule: worker.CheckSpec,
		ParseSchedules: func(specs []string) (configs.Timetable, error) { return worker.ParseSchedule(specs) },
	}
}

// load reads the configuration and says on notes what is worth a warning.
func (s *settings) load(out *output) (*configs.Config, error) {
	cfg, warnings, err := configs.Load(s.path, s.inputs())
	for _, w := range warnings {
		fmt.Fprintf(out.notes, "warning: %v\n", w)
	}
	if err != nil {
		return nil, err
	}
	for _, t := range cfg.Tenants {
		for _, w := range worker.ScheduleWarnings(t.Schedules, time.Now()) {
			fmt.Fprintf(out.notes, "warning: tenant %s: %s\n", t.Name, w)
		}
	}
	return cfg, nil
}

func newConfig(out *output) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show configurations"}
	print := func(use, short string, text func() string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: usage(cobra.NoArgs), RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(out.data, text())
			return err
		}}
	}
	var s settings
	show := &cobra.Command{
		Use:   "show",
		Short: "Print every effective value and where it came from",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := s.load(out)
			if err != nil {
				return err
			}
			return out.settings(cfg.Settings())
		},
	}
	s.register(show)
	cmd.AddCommand(show,
		print("example", "Print a configuration that explains every key", configs.Example),
		print("schema", "Print the JSON Schema of the configuration, for editors", configs.Schema))
	return cmd
}

func (o *output) settings(all []configs.Setting) error {
	encoder := json.NewEncoder(o.data)
	encoder.SetEscapeHTML(false) // <secret>
	for _, v := range all {
		if !o.json() {
			fmt.Fprintf(o.data, "%-40s %-40s # %s\n", v.Key, v.Value, v.Origin)
			continue
		}
		if err := encoder.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
