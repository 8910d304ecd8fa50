package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

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
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP) // one that comes during the start waits until it is through
			defer signal.Stop(hup)
			in := s.inputs()
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
			d, err := startDaemon(cmd.Context(), cfg, in, log, level)
			if errors.Is(err, context.Canceled) {
				return nil // told to stop during the start
			}
			if err != nil {
				return err
			}
			d.reload = reload{asked: hup, read: func() (*configs.Config, []configs.Warning, error) { return configs.Load(s.path, in) }}
			log.Info("presenced runs", zap.String("version", thisBuild().Version), zap.Int("tenants", len(cfg.Tenants)),
				zap.String("http", d.board.Addr()), zap.String("nats", d.where()), zap.Bool("embedded_nats", d.embedded != nil))
			err = d.run(cmd.Context())
			var lost ioError
			if errors.As(err, &lost) {
				return err // to close what is lost may take for ever, and saves nothing
			}
			d.close()
			log.Info("presenced stopped")
			return err
		},
	}
	s.register(cmd)
	return cmd
}
