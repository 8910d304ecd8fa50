package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/graphsim"
)

// healthFaults are the faults of docs/health.md and how each is caused.
func healthFaults() map[string]func(t *testing.T) *scene {
	return map[string]func(t *testing.T) *scene{
		"NATS is away": onServer(func(w *world) { w.nats.Shutdown() }),
		"NATS is away at the start": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			return launchScene(t, nil, config, "--nats-url", "nats://127.0.0.1:1")
		},
		"NATS refuses the login": func(t *testing.T) *scene {
			w := newWorld(t)
			return launchScene(t, []string{"NATS_USER=presenced", "NATS_PASSWORD=canary-secret"}, w.config, "--nats-url", w.nats.ClientURL())
		},
		"nobody is on the roster": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			rewrite(t, config, func(text string) string {
				return strings.Replace(text, "files: [users.txt]", "upns: [nobody@nowhere.example]", 1)
			})
			return launchScene(t, nil, config, "--store-dir", newStore(t))
		},
		"a right on NATS is taken away": onServer(func(w *world) { w.restrict("presenced.owner.>") }),
		"NATS has no space left":        onServer((*world).fill),
		"the stream is sealed": onServer(func(w *world) {
			w.changeStream(func(c *jetstream.StreamConfig) { c.Sealed = true })
		}),
		"the stream is deleted": onServer(func(w *world) { w.check(w.admin().DeleteStream(w.t.Context(), "PRESENCE")) }),
		"Graph says 401":        onGraph(graphsim.Fault{Kind: graphsim.KindUnauthorized}),
		"Graph says 403":        onGraph(graphsim.Fault{Kind: graphsim.KindForbidden}),
		"Graph says 429":        onGraph(graphsim.Fault{Kind: graphsim.KindThrottled, RetryAfter: "1"}),
		"Graph says 500":        onGraph(graphsim.Fault{Kind: graphsim.KindInternalError}),
		"Graph hangs":           onGraph(graphsim.Fault{Kind: graphsim.KindHang}),
		"the secret is refused": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			write(t, filepath.Join(filepath.Dir(config), "client-secret"), "wrong")
			return launchScene(t, nil, config, "--store-dir", newStore(t))
		},
		"Graph has no address": func(t *testing.T) *scene {
			sim, config := tenant(t, 3)
			rewrite(t, config, func(text string) string {
				return strings.Replace(text, `graph_url: "`+sim.url, `graph_url: "https://graph.invalid`, 1)
			})
			return launchScene(t, nil, config, "--store-dir", newStore(t))
		},
		"a user gets no answer": func(t *testing.T) *scene {
			sim, config := tenant(t, 3)
			s := launchScene(t, nil, config, "--store-dir", newStore(t))
			s.harm = func() { inject(t, sim, graphsim.Fault{Kind: graphsim.KindMissing, IDs: sim.UserIDs()[:1]}) }
			return s
		},
		"nobody gets an answer": func(t *testing.T) *scene {
			sim, config := tenant(t, 3)
			s := launchScene(t, nil, config, "--store-dir", newStore(t))
			s.harm = func() { inject(t, sim, graphsim.Fault{Kind: graphsim.KindMissing, IDs: sim.UserIDs()}) }
			return s
		},
		"another replica owns the tenant": func(t *testing.T) *scene {
			w := newWorld(t)
			first := w.launch()
			first.awaitReady(first.url)
			return w.launch()
		},
		"another replica took the tenant over": onServer((*world).depose),
		"the process was paused":               onEmbedded(pause),
		"a new configuration has faults": onEmbedded(func(s *scene, config, _ string) {
			rewrite(s.t, config, func(text string) string { return strings.Replace(text, "@every 1s", "@never", 1) })
			s.signal(syscall.SIGHUP)
		}),
		"the log lost its end on disk": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			shortWindow(t, config)
			store := usedStore(t, config)
			damage{"PRESENCE/msgs/1.blk", 0.9, "cut", false}.do(t, store)
			return launchScene(t, nil, config, "--store-dir", store)
		},
		"the newest owner message is spoilt on disk": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			shortWindow(t, config)
			store := usedStore(t, config)
			spoilOwner(t, store)
			return launchScene(t, nil, config, "--store-dir", store)
		},
		"log and table are damaged on disk": damagedScene,
		"the disk takes no writes":          onEmbedded(func(s *scene, _, _ string) { s.noWrites() }),
		"the store is deleted":              onEmbedded(func(s *scene, _, store string) { os.RemoveAll(store) }),
		"another process has the store": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			store := newStore(t)
			launchRun(t, nil, config, store)
			return launchScene(t, nil, config, "--store-dir", store)
		},
		"the configuration has faults": func(t *testing.T) *scene {
			_, config := tenant(t, 3)
			rewrite(t, config, func(text string) string { return strings.Replace(text, "@every 1s", "@never", 1) })
			return launchScene(t, nil, config, "--store-dir", newStore(t))
		},
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func inject(t *testing.T, sim *simulation, f graphsim.Fault) {
	t.Helper()
	if err := sim.Inject(f); err != nil {
		t.Fatal(err)
	}
}

// launchScene starts a daemon that may end before it says where it listens.
func launchScene(t *testing.T, env []string, config string, more ...string) *scene {
	t.Helper()
	args := append([]string{"run", "-c", config, "--http-listen", anyPort, "--log-format", "json"}, more...)
	if more[0] == "--store-dir" {
		args = append(args, "--nats-listen", anyPort)
	}
	s := &scene{process: launch(t, env, args...)}
	s.await("it says where it listens", func() bool {
		if m := httpAddress.FindStringSubmatch(s.stderr.String()); m != nil {
			s.url = "http://" + m[1]
			return true
		}
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	return s
}

func onGraph(f graphsim.Fault) func(t *testing.T) *scene {
	return func(t *testing.T) *scene {
		sim, config := tenant(t, 3)
		s := launchScene(t, nil, config, "--store-dir", newStore(t))
		s.harm = func() { inject(t, sim, f) }
		return s
	}
}

func onEmbedded(harm func(s *scene, config, store string)) func(t *testing.T) *scene {
	return func(t *testing.T) *scene {
		_, config := tenant(t, 3)
		store := newStore(t)
		s := launchScene(t, nil, config, "--store-dir", store)
		s.harm = func() { harm(s, config, store) }
		return s
	}
}

// pause stops the process for longer than an owner may ask without writing.
func pause(s *scene, _, _ string) {
	s.signal(syscall.SIGSTOP)
	time.AfterFunc(11*time.Second, func() { s.cmd.Process.Signal(syscall.SIGCONT) })
}

// world is a NATS server elsewhere, and tenants who use it.
type world struct {
	t      *testing.T
	nats   *server.Server
	opts   *server.Options
	config string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, opts: &server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 64 << 20,
		Users: []*server.User{{Username: "admin", Password: "admin"}, {Username: "presenced", Password: "presenced"}},
	}}
	_, w.config = tenant(t, 3)
	var err error
	if w.nats, err = server.NewServer(w.opts); err != nil {
		t.Fatal(err)
	}
	w.nats.Start()
	t.Cleanup(func() { w.nats.Shutdown(); w.nats.WaitForShutdown() })
	if !w.nats.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	return w
}

func (w *world) launch() *scene {
	w.t.Helper()
	return launchScene(w.t, []string{"NATS_USER=presenced", "NATS_PASSWORD=presenced"}, w.config, "--nats-url", w.nats.ClientURL())
}

func onServer(harm func(w *world)) func(t *testing.T) *scene {
	return func(t *testing.T) *scene {
		w := newWorld(t)
		s := w.launch()
		s.harm = func() { harm(w) }
		return s
	}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) admin() jetstream.JetStream {
	w.t.Helper()
	return jetStream(w.t, w.nats.ClientURL(), nats.UserInfo("admin", "admin"))
}

// restrict takes the right to publish away from presenced's user.
func (w *world) restrict(subject string) {
	w.t.Helper()
	opts := w.opts.Clone()
	opts.Users = []*server.User{w.opts.Users[0], {Username: "presenced", Password: "presenced", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: []string{subject}},
	}}}
	opts.Port = w.nats.Addr().(*net.TCPAddr).Port
	w.check(w.nats.ReloadOptions(opts))
}

// fill takes all the space that the server has.
func (w *world) fill() {
	w.t.Helper()
	js := w.admin()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "FILL", Subjects: []string{"fill"}})
	w.check(err)
	for size := 512 << 10; size > 0; {
		if _, err := js.Publish(ctx, "fill", make([]byte, size)); err != nil {
			w.check(ctx.Err())
			size /= 2
		}
	}
}

func (w *world) changeStream(change func(*jetstream.StreamConfig)) {
	w.t.Helper()
	js := w.admin()
	s, err := js.Stream(w.t.Context(), "PRESENCE")
	w.check(err)
	cfg := s.CachedInfo().Config
	change(&cfg)
	_, err = js.UpdateStream(w.t.Context(), cfg)
	w.check(err)
}

// ownerSubject is where the tenant's owner message lives: it names the log too.
func (w *world) ownerSubject(js jetstream.JetStream) string {
	w.t.Helper()
	s, err := js.Stream(w.t.Context(), "PRESENCE")
	w.check(err)
	info, err := s.Info(w.t.Context(), jetstream.WithSubjectFilter("presenced.owner.*"))
	w.check(err)
	for subject := range info.State.Subjects {
		if strings.HasPrefix(subject, "presenced.owner.demo_") {
			return subject
		}
	}
	w.t.Fatal("the tenant has no owner")
	return ""
}

// depose takes the tenant over as another replica would, and keeps it.
func (w *world) depose() {
	w.t.Helper()
	js := w.admin()
	subject := w.ownerSubject(js)
	owner := []byte(`{"replica":"another","epoch":2,"n":1,"ledger":{},"summary":{"roster":0,"checksum":"0"}}`)
	_, err := js.Publish(w.t.Context(), subject, owner)
	w.check(err)
	go func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-w.t.Context().Done():
				tick.Stop()
				return
			case <-tick.C:
				js.Publish(w.t.Context(), subject, owner) // it may be shutting down
			}
		}
	}()
}

// damagedScene is a daemon on a store in which log and table lost an event while
// nobody had it. It goes on from what there is, aloud; but the server stops a stream
// that it meets the damage in, which nothing but a start mends.
func damagedScene(t *testing.T) *scene {
	sim, config := tenant(t, 3)
	store := newStore(t)
	first, url := launchRun(t, nil, config, store)
	first.awaitReady(url)
	metric := func(line string) func() bool {
		return func() bool { _, text := ask(url + "/metrics"); return strings.Contains(text, "\npresenced_"+line+"\n") }
	}
	first.await("a heartbeat has the snapshots on record", func() bool {
		_, text := ask(url + "/metrics")
		return sample(text, `presenced_append_duration_seconds_count{tenant="demo"}`) > 2
	})
	if err := sim.SetPresence(sim.UserIDs()[0], "Busy", "InACall"); err != nil {
		t.Fatal(err)
	}
	first.await("a change is in the log", metric(`events_total{kind="change",tenant="demo"} 1`))
	first.stop()
	spoil(t, store, "InACall", "inacall")
	return launchScene(t, nil, config, "--store-dir", store)
}

// spoil changes bytes in the blocks of a store's streams.
func spoil(t *testing.T, store, from, to string) {
	t.Helper()
	spoilt := 0
	err := filepath.WalkDir(store, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".blk" {
			return err
		}
		text, err := os.ReadFile(path)
		spoilt += strings.Count(string(text), from)
		return errors.Join(err, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600))
	})
	if err != nil || spoilt == 0 {
		t.Fatalf("spoilt %d places in %s: %v", spoilt, store, err)
	}
}
