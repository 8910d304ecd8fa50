package main

import (
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"presenced/configs"
)

func newRun(out *output) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Watch the configured tenants until told to stop",
		Example: "  presenced run -c presenced.yaml\n  presenced run -c presenced.yaml --nats-url nats://127.0.0.1:4222",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(out)
			if err != nil {
				return err
			}
			for _, name := range configs.SecretVariables() {
				_ = os.Unsetenv(name) // child processes and crash reports show the environment
			}
			log, level, err := newLogger(cfg.Log, out.notes)
			if err != nil {
				return err
			}
			d, err := startDaemon(cmd.Context(), cfg, s.inputs(), log, level)
			if err != nil {
				return err
			}
			defer d.close()
			log.Info("presenced runs", zap.String("version", thisBuild().Version), zap.Int("tenants", len(cfg.Tenants)),
				zap.String("http", d.board.Addr()), zap.String("nats", d.where()), zap.Bool("embedded_nats", d.embedded != nil))
			err = d.run(cmd.Context())
			log.Info("presenced stopped")
			return err
		},
	}
	s.register(cmd)
	return cmd
}
