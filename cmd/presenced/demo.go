package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"presenced/configs"
	"presenced/graphclient"
	"presenced/worker"
)

// demo is the flags of the command of that name.
type demo struct {
	population
	length     time.Duration
	natsListen string
	httpListen string
	storeDir   string
}

func newDemo(out *output) *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: embedded NATS, a simulated tenant, and every change as it happens",
		Long: "Run the real daemon against a simulated tenant over HTTP, with an embedded NATS server, and show\n" +
			"every change as it happens. At the end the log is read back and held against what the\n" +
			"simulated tenant really served; the exit code is 1 if they differ.",
		Example: "  presenced demo\n  presenced demo --users 10000 --speed 600\n  presenced demo --for 20s --output json",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.run(cmd.Context(), out)
		},
	}
	d.register(cmd, 60)
	cmd.Flags().DurationVar(&d.length, "for", 0, "stop after this long and print a summary (0: until interrupted)")
	cmd.Flags().StringVar(&d.natsListen, "nats-listen", "127.0.0.1:4222", "where NATS listens; if taken, a free port is used")
	cmd.Flags().StringVar(&d.httpListen, "http-listen", "127.0.0.1:8480", "where health and metrics are served; if taken, a free port is used")
	cmd.Flags().StringVar(&d.storeDir, "store-dir", "", "keep the store here, in a new or empty folder (empty: a folder that is removed at the end)")
	return cmd
}

func (d *demo) run(ctx context.Context, out *output) error {
	cfg, err := d.config()
	if err != nil {
		return err
	}
	remove, err := d.prepareStore()
	if err != nil {
		return err
	}
	defer remove()
	sim, err := startSimulation(cfg, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer sim.close()
	daemon, err := d.startDaemon(ctx, sim, out)
	if err != nil {
		return err
	}
	defer daemon.close()
	d.greet(out, daemon)
	log, err := daemon.openLog(ctx)
	if err != nil {
		return err
	}

	watching, stop := context.WithCancel(ctx)
	defer stop()
	if d.length > 0 {
		defer time.AfterFunc(d.length, stop).Stop()
	}
	var group errgroup.Group
	viewing, stopView := context.WithCancel(context.WithoutCancel(ctx))
	view := newChangeView(out, sim)
	group.Go(func() error { return view.follow(viewing, log) })
	err = daemon.run(watching)
	stopView()
	if err := errors.Join(err, group.Wait()); err != nil {
		return err
	}
	summary, err := summarize(context.WithoutCancel(ctx), sim, log, daemon.sweeps(), daemon.cfg.Tenants[0])
	if err != nil {
		return err
	}
	if err := summary.print(out); err != nil {
		return err
	}
	return summary.wrong()
}

// prepareStore makes sure that the log begins with the demo, whose counts are of
// the whole log.
func (d *demo) prepareStore() (remove func(), err error) {
	if d.storeDir == "" {
		dir, err := os.MkdirTemp("", "presenced-demo-")
		if err != nil {
			return nil, fmt.Errorf("make a store: %w", err)
		}
		d.storeDir = dir
		return func() { os.RemoveAll(dir) }, nil
	}
	entries, err := os.ReadDir(d.storeDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read --store-dir: %w", err)
	}
	if len(entries) > 0 {
		return nil, usageError{fmt.Errorf("--store-dir %s is not empty: the demo counts a log from its beginning; give a new folder", d.storeDir)}
	}
	return func() {}, nil
}

// startDaemon starts the same daemon as `run`, by a configuration that names the
// simulation. Ports that are taken are replaced by free ones: somebody may run two.
func (d *demo) startDaemon(ctx context.Context, sim *simulation, out *output) (*daemon, error) {
	for {
		cfg, in, err := d.configuration(sim)
		if err != nil {
			return nil, err
		}
		log, level, err := newLogger(cfg.Log, out.notes)
		if err != nil {
			return nil, err
		}
		daemon, err := startDaemon(ctx, cfg, in, log, level)
		if errors.Is(err, syscall.EADDRINUSE) {
			if d.httpListen != anyPort && strings.Contains(err.Error(), d.httpListen) {
				d.httpListen = anyPort
				continue
			}
			if d.natsListen != anyPort {
				d.natsListen = anyPort
				continue
			}
		}
		return daemon, err
	}
}

const anyPort = "127.0.0.1:0"

func (d *demo) configuration(sim *simulation) (*configs.Config, configs.Inputs, error) {
	in := configs.Inputs{
		Environ:       []string{"AZURE_CLIENT_SECRET=" + sim.Tenants()[0].ClientSecret},
		CheckSchedule: worker.CheckSpec,
		Overrides: []configs.Override{
			{Key: "embedded.listen", Value: d.natsListen, Origin: "--nats-listen"},
			{Key: "http.listen", Value: d.httpListen, Origin: "--http-listen"},
			{Key: "embedded.store_dir", Value: d.storeDir, Origin: "--store-dir"},
			{Key: "log.level", Value: "warn", Origin: "the demo"},
		},
	}
	ids := `"` + strings.Join(sim.UserIDs(), `","`) + `"`
	chunks := (d.users + graphclient.MaxIDs - 1) / graphclient.MaxIDs
	every := time.Second * time.Duration(1+chunks/30) // 1,200 requests in 30 s are ours
	cfg, _, err := configs.Parse("demo", []byte(sim.configYAML("", "ids: ["+ids+"]", every.String())), in)
	return cfg, in, err
}

func (d *demo) greet(out *output, daemon *daemon) {
	url := daemon.embedded.ClientURL()
	server := ""
	if url != "nats://127.0.0.1:4222" {
		server = " -s " + url
	}
	fmt.Fprintf(out.notes, `presenced demo: %s at %g x speed, NATS at %s
Look from outside:
  nats%s sub 'presence.>' --new      every event
  nats%s kv watch presence           what is last known
  curl 'http://%s/readyz?verbose'

`, counted(d.users, "simulated person", "simulated people"), d.speed, url, server, server, daemon.board.Addr())
}
