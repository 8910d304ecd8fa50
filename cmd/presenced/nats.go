package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"presenced/configs"
	"presenced/natsembed"
	"presenced/publisher"
)

// startEmbedded runs the NATS server in this process; nil if the configuration
// names another one.
func startEmbedded(ctx context.Context, cfg *configs.Config, log *zap.Logger) (*natsembed.Server, error) {
	if !cfg.UsesEmbedded() {
		return nil, nil
	}
	return natsembed.Start(ctx, natsembed.Config{
		StoreDir: cfg.Embedded.StoreDir,
		Listen:   cfg.Embedded.Listen,
		MaxStore: int64(cfg.Embedded.MaxStore),
		Relaxed:  cfg.Embedded.Durability == "relaxed",
		Log:      log.Named("nats-server"),
	})
}

// connectionConfig says how to reach the server of the configuration, embedded
// being the one in this process or nil.
func connectionConfig(cfg *configs.Config, name string, embedded *natsembed.Server) (publisher.ConnectionConfig, error) {
	if embedded != nil {
		return publisher.ConnectionConfig{Name: name, Server: embedded}, nil
	}
	c := publisher.ConnectionConfig{Name: name, URL: cfg.NATS.URL, Context: cfg.NATS.Context}
	n := cfg.NATS
	switch {
	case n.Creds != "":
		c.Options = append(c.Options, nats.UserCredentials(n.Creds)) // read again at each reconnect
	case n.NKey != "":
		option, err := nats.NkeyOptionFromSeed(n.NKey)
		if err != nil {
			return c, fmt.Errorf("read nats.nkey: %w", err)
		}
		c.Options = append(c.Options, option)
	case n.User != "":
		c.Options = append(c.Options, nats.UserInfo(n.User, n.Password.Reveal()))
	case n.Token.IsSet():
		c.Options = append(c.Options, nats.Token(n.Token.Reveal()))
	}
	secure, err := tlsOption(n.TLS)
	if err != nil {
		return c, err
	}
	c.Options = append(c.Options, secure...)
	return c, nil
}

// connect ends with ctx too: each server that accepts and says nothing takes 5 s.
func connect(ctx context.Context, where publisher.ConnectionConfig, log *zap.Logger) (*publisher.Connection, error) {
	type result struct {
		conn *publisher.Connection
		err  error
	}
	connected := make(chan result, 1)
	go func() {
		conn, err := publisher.Connect(where, log)
		connected <- result{conn, err}
	}()
	select {
	case r := <-connected:
		return r.conn, r.err
	case <-ctx.Done():
		go func() {
			if r := <-connected; r.err == nil {
				r.conn.Close()
			}
		}()
		return nil, fmt.Errorf("connect to nats: %w", ctx.Err())
	}
}

func tlsOption(t configs.TLS) ([]nats.Option, error) {
	if t == (configs.TLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read nats.tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read nats.tls.ca: %s holds no certificate in PEM form", t.CA)
		}
	}
	options := []nats.Option{nats.Secure(c)}
	if t.Cert != "" {
		options = append(options, nats.ClientCert(t.Cert, t.Key))
	}
	return options, nil
}

func logConfig(cfg *configs.Config) publisher.Config {
	s := cfg.NATS.Stream
	return publisher.Config{Prefix: cfg.NATS.Prefix, Stream: s.Name, History: s.History, Replicas: s.Replicas, Manage: publisher.Manage(s.Manage)}
}

// openLog opens the log as soon as the server can be reached and has it. An error
// is one that waiting does not mend, or ctx's.
func (d *daemon) openLog(ctx context.Context) (*publisher.Log, error) {
	said := ""
	for {
		l, err := d.tryOpenLog(ctx)
		if err == nil || ctx.Err() != nil || permanent(err) {
			return l, err
		}
		d.unopened.Store(&err)
		if err.Error() != said {
			said = err.Error()
			d.log.Warn("waiting for the log", zap.Error(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// connectPatience is for a server that starts with us; then a person wants to know.
const connectPatience = 2 * time.Second

func (d *daemon) tryOpenLog(ctx context.Context) (*publisher.Log, error) {
	connecting, stop := context.WithTimeout(ctx, connectPatience)
	defer stop()
	if err := d.conn.AwaitConnected(connecting); err != nil {
		return nil, noServer(d.where(), loginKeys, d.conn.LastError())
	}
	cfg := logConfig(d.cfg)
	warning, err := d.conn.CheckServer()
	if err != nil {
		return nil, permanentError{err}
	}
	for _, w := range []string{warning, loneCopy(d.conn, cfg)} {
		if w != "" {
			d.log.Warn(w)
		}
	}
	opening, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	l, drifts, err := publisher.Open(opening, d.conn, cfg)
	for _, drift := range drifts {
		d.log.Warn("the log is not as configured; presenced leaves it so", zap.Stringer("drift", drift))
	}
	if errors.Is(err, publisher.ErrUnfit) {
		return nil, permanentError{err}
	}
	return l, err
}

// loneCopy is a warning if the server is one of a cluster and the log is to have
// one copy there.
func loneCopy(conn *publisher.Connection, cfg publisher.Config) string {
	if name := conn.ConnectedClusterName(); name != "" && cfg.Replicas == 1 {
		return fmt.Sprintf("the server is one of cluster %s, but only one of them keeps the log: without it nothing is told; set nats.stream.replicas to 3", name)
	}
	return ""
}

// permanentError is one that waiting does not mend.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

func permanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}
