package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"presenced/configs"
	"presenced/presence"
	"presenced/publisher"
)

// reader is how commands that only look find the log.
type reader struct {
	settings
	url, context, creds string
	prefix, stream      string
	given               func(flag string) bool
}

func (r *reader) register(cmd *cobra.Command) {
	d := configs.Default().NATS
	f := cmd.Flags()
	r.given = f.Changed
	f.StringVarP(&r.path, "config", "c", "", "configuration file that says where the log is (instead of the flags)")
	f.StringVarP(&r.url, "server", "s", fallback(os.Getenv("NATS_URL"), nats.DefaultURL), "NATS server")
	f.StringVar(&r.context, "context", os.Getenv("NATS_CONTEXT"), "context of the nats CLI")
	f.StringVar(&r.creds, "creds", os.Getenv("NATS_CREDS"), "credentials file")
	f.StringVar(&r.prefix, "prefix", d.Prefix, "what subjects begin with")
	f.StringVar(&r.stream, "stream", d.Stream.Name, "name of the log")
}

func fallback(s, t string) string {
	if s == "" {
		return t
	}
	return s
}

// open connects and finds the log; the log's owner is not disturbed. Close the
// connection.
func (r *reader) open(ctx context.Context, out *output) (*publisher.Log, *publisher.Connection, error) {
	where := publisher.ConnectionConfig{Name: "presenced reader", URL: r.url, Context: r.context}
	if r.creds != "" {
		where.Options = append(where.Options, nats.UserCredentials(r.creds))
	}
	cfg, login := publisher.Config{Prefix: r.prefix, Stream: r.stream}, loginFlags
	if r.path != "" {
		for _, name := range []string{"server", "context", "creds", "prefix", "stream"} {
			if r.given(name) {
				return nil, nil, usageError{fmt.Errorf("--%s and --config are given, want one: the file says where the log is", name)}
			}
		}
		c, err := r.load(out)
		if err != nil {
			return nil, nil, err
		}
		if where, err = readerConnection(c); err != nil {
			return nil, nil, err
		}
		cfg, login = logConfig(c), loginKeys
	}
	cfg.Manage = publisher.ManageOff
	conn, err := publisher.Connect(where, zap.NewNop())
	if err != nil {
		return nil, nil, err
	}
	opening, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := conn.AwaitConnected(opening); err != nil {
		conn.Close()
		return nil, nil, noServer(where.Where(), login, conn.LastError())
	}
	log, _, err := publisher.Open(opening, conn, cfg)
	if errors.Is(err, publisher.ErrMissing) {
		err = r.noLog(cfg, where.Where())
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return log, conn, nil
}

func (r *reader) noLog(cfg publisher.Config, where string) error {
	advice := "check --stream and --prefix, and that presenced ran there"
	if r.path != "" {
		advice = "presenced run makes it"
	}
	return fmt.Errorf("there is no log %s with the prefix %s at %s: %s", cfg.Stream, cfg.Prefix, where, advice)
}

// readerConnection goes to the server that the configured daemon uses; with the
// embedded one, to where that listens.
func readerConnection(c *configs.Config) (publisher.ConnectionConfig, error) {
	if c.UsesEmbedded() {
		return publisher.ConnectionConfig{Name: "presenced reader", URL: "nats://" + c.Embedded.Listen}, nil
	}
	return connectionConfig(c, "presenced reader", nil)
}

// checkTenant tells a tenant that nothing was ever known of from one that everyone left.
func checkTenant(ctx context.Context, log *publisher.Log, tenant string) error {
	known := false
	if err := log.Table(ctx, tenant, func(presence.Event) { known = true }); err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("get tenant %s: there is no such tenant in the table; is it spelt as in the configuration?", tenant)
	}
	return nil
}
