package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"presenced/configs"
	"presenced/natsembed"
)

func newNATS(out *output) *cobra.Command {
	cfg := natsembed.Config{}
	cmd := &cobra.Command{
		Use:   "nats",
		Short: "Run the embedded NATS server alone, for other presenced processes and for tests",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, _, err := newLogger(configs.Log{Level: "info", Format: "auto"}, out.notes)
			if err != nil {
				return err
			}
			cfg.Log = log
			s, err := natsembed.Start(cmd.Context(), cfg)
			switch {
			case errors.Is(err, natsembed.ErrRemote):
				return usageError{fmt.Errorf("--nats-listen: %q %w and there is no password: use 127.0.0.1, or permit it with --allow-remote", cfg.Listen, natsembed.ErrRemote)}
			case errors.Is(err, syscall.EADDRINUSE):
				return fmt.Errorf("--nats-listen: %s is taken: stop what listens there, or choose another address", cfg.Listen)
			case err != nil:
				return err
			}
			defer s.Close()
			fmt.Fprintln(out.data, s.ClientURL())
			<-cmd.Context().Done()
			return nil
		},
	}
	d := configs.Default().Embedded
	cmd.Flags().StringVar(&cfg.StoreDir, "store-dir", d.StoreDir, "where it keeps its files")
	cmd.Flags().StringVar(&cfg.Listen, "nats-listen", d.Listen, "its address, loopback unless --allow-remote")
	cmd.Flags().BoolVar(&cfg.AllowRemote, "allow-remote", false, "permit an address that other hosts can reach; there is no password")
	return cmd
}
