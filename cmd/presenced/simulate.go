package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"presenced/graphsim"
)

// population is the flags that describe a simulated tenant.
type population struct {
	users int
	speed float64
	seed  uint64
}

func (p *population) register(cmd *cobra.Command, speed float64) {
	cmd.Flags().IntVar(&p.users, "users", 250, "people in the simulated tenant")
	cmd.Flags().Float64Var(&p.speed, "speed", speed, "simulated seconds in a real second")
	cmd.Flags().Uint64Var(&p.seed, "seed", 1, "decides who the people are and what they do")
}

// config refuses what would stand for a default there.
func (p *population) config() (graphsim.Config, error) {
	switch {
	case p.users == 0:
		return graphsim.Config{}, usageError{errors.New("--users is 0, want at least 1")}
	case p.speed == 0:
		return graphsim.Config{}, usageError{errors.New("--speed is 0, want more than 0, such as 1 for real time")}
	}
	return graphsim.Config{Seed: p.seed, Users: p.users, Speed: p.speed, SkipNights: true}, nil
}

// simulation is a simulated tenant that listens.
type simulation struct {
	*graphsim.Server
	url string
	web *http.Server
}

func startSimulation(cfg graphsim.Config, listen string) (*simulation, error) {
	sim, err := graphsim.New(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	l, err := net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen for the simulated tenant: %s is taken: choose another address with --listen", listen)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated tenant: %w", err)
	}
	s := &simulation{Server: sim, url: "http://" + reachable(l.Addr().(*net.TCPAddr)), web: &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second, ErrorLog: zap.NewStdLog(zap.NewNop())}}
	go func() { _ = s.web.Serve(l) }() // ends with close
	return s, nil
}

// reachable is where this machine finds a listener. One that listens everywhere is
// named by loopback: only there may a client use plain http.
func reachable(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
	}
	return a.String()
}

func (s *simulation) close() { s.web.Close() }

// configYAML is a configuration that watches the simulated tenant as if it were a
// real one. users is the value of the key users; every is the schedule.
func (s *simulation) configYAML(credential, users, every string) string {
	app := s.Tenants()[0]
	var b strings.Builder
	fmt.Fprintf(&b, "tenants:\n  - name: demo\n    tenant_id: %s\n    client_id: %s\n", app.ID, app.ClientID)
	fmt.Fprintf(&b, "    cloud: {graph_url: %q, login_url: %q}\n", s.url, s.url)
	fmt.Fprintf(&b, "    schedules: [%q]\n%s    users: {%s}\n", "@every "+every, credential, users)
	return b.String()
}

func newSimulate(out *output) *cobra.Command {
	var p population
	var listen, script, dir, natsURL, httpListen string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated Microsoft Graph tenant alone",
		Long: "Run a simulated Microsoft Graph tenant alone: token service, presence and directory over HTTP.\n" +
			"With --config-dir it also writes a configuration that `presenced run` can use at once.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config()
			if err != nil {
				return err
			}
			if script != "" {
				text, err := os.ReadFile(script)
				if err != nil {
					return fmt.Errorf("read script: %w", err)
				}
				if cfg.Script, err = graphsim.ParseScript(text); err != nil {
					return usageError{fmt.Errorf("script %s: %w", script, err)}
				}
			}
			s, err := startSimulation(cfg, listen)
			if err != nil {
				return err
			}
			defer s.close()
			if dir != "" {
				if err := s.writeConfig(dir, natsURL, httpListen); err != nil {
					return err
				}
			}
			fmt.Fprintln(out.data, s.url)
			fmt.Fprintf(out.notes, "%s at %g x speed; what was served: %s/_sim/served\n", counted(p.users, "person", "people"), p.speed, s.url)
			<-cmd.Context().Done()
			return nil
		},
	}
	p.register(cmd, 1)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8490", "address of the simulated Graph and token service")
	cmd.Flags().StringVar(&script, "script", "", "YAML file of faults and presences that happen by themselves")
	cmd.Flags().StringVar(&dir, "config-dir", "", "write presenced.yaml, client-secret and users.txt there")
	cmd.Flags().StringVar(&natsURL, "nats-url", "", "nats.url of the configuration to write")
	cmd.Flags().StringVar(&httpListen, "http-listen", "", "http.listen of the configuration to write")
	return cmd
}

// writeConfig writes a configuration directory for this simulation.
func (s *simulation) writeConfig(dir, natsURL, httpListen string) error {
	text := "# Written by presenced simulate: a tenant that is not real.\n"
	if natsURL != "" {
		text += fmt.Sprintf("nats: {url: %q, allow_plaintext: true}\n", natsURL)
	}
	if httpListen != "" {
		text += fmt.Sprintf("http: {listen: %q, allow_remote: true}\n", httpListen)
	}
	text += s.configYAML("    credential: {secret_file: client-secret}\n", "files: [users.txt]", "5s")
	files := []struct{ name, text string }{
		{"client-secret", s.Tenants()[0].ClientSecret + "\n"},
		{"users.txt", strings.Join(s.UserIDs(), "\n") + "\n"},
		{"presenced.yaml", text}, // last: whoever waits for it finds the others
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write configuration: %w", err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}
