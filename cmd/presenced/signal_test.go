package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"presenced/graphsim"
)

// A Graph that hangs must not keep a daemon that is told to stop, nor cost it the
// release.
func TestStopIsBoundedAndReleases(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 5)
	store := newStore(t)
	p, url := launchRun(t, nil, config, store)
	p.awaitReady(url)
	if err := sim.Inject(graphsim.Fault{Kind: graphsim.KindHang}); err != nil {
		t.Fatal(err)
	}
	before := sim.Stats().Requests
	p.await("a request hangs", func() bool { return sim.Stats().Requests > before })
	began := time.Now()
	p.stop()
	t.Logf("stopped %v after SIGTERM", time.Since(began).Round(time.Millisecond))
	if p.said("without giving the tenant up") > 0 {
		t.Errorf("the tenant was not given up:\n%s", p.stderr.String())
	}
	sim.Heal()
	// Another process on the store sees the release: it need not be told who is dead.
	second, url := launchRun(t, nil, config, store)
	second.awaitReady(url)
	second.stop()
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			sim, config := tenant(t, 5)
			p, url := launchRun(t, nil, config, newStore(t))
			p.awaitReady(url)
			if err := sim.Inject(graphsim.Fault{Kind: graphsim.KindHang}); err != nil {
				t.Fatal(err)
			}
			before := sim.Stats().Requests
			p.await("a request hangs", func() bool { return sim.Stats().Requests > before })
			p.signal(syscall.SIGTERM)
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for running := true; running; { // the first one needs a moment to be taken
				select {
				case <-tick.C:
					p.cmd.Process.Signal(s)
				case <-p.ended:
					running = false
				}
			}
			if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != s {
				t.Errorf("ended with %v, want to be killed by %v: it waited for the first signal's work", p.cmd.ProcessState, s)
			}
		})
	}
}

// silent is where a NATS server would be: it takes connections, and says nothing.
func silent(t *testing.T) (url string, taken <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conns := make(chan net.Conn, 100)
	go func() {
		defer close(conns)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns <- conn
		}
	}()
	return "nats://" + listener.Addr().String(), conns
}

// speak has the server at address answer on conn.
func speak(conn net.Conn, address string) {
	defer conn.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return // whoever waits for it says so
	}
	defer server.Close()
	go io.Copy(server, conn)
	io.Copy(conn, server)
}

func launchOn(t *testing.T, config, server string) *process {
	t.Helper()
	return launch(t, nil, "run", "-c", config, "--nats-url", server, "--http-listen", anyPort, "--log-format", "json")
}

// A SIGHUP during the start is a reload once the start is through.
func TestReloadDuringTheStart(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 3)
	server := start(t, "nats", "--store-dir", newStore(t), "--nats-listen", anyPort)
	eventually(t, "the server says where it listens", func() bool { return strings.Contains(server.stdout.String(), "\n") })
	url, taken := silent(t)
	p := launchOn(t, config, url)
	p.await("it asks for NATS", func() bool { return len(taken) > 0 })
	p.signal(syscall.SIGHUP)
	go func() {
		for conn := range taken {
			go speak(conn, strings.TrimPrefix(strings.TrimSpace(server.stdout.String()), "nats://"))
		}
	}()
	p.await("it takes the configuration again", func() bool { return p.said("configuration read again") == 1 })
	p.await("it owns the tenant", func() bool { return p.said("owning the tenant") > 0 })
	p.stop()
}

// To be told to stop during the start is no failure, and waits for no server.
func TestStopDuringTheStart(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 3)
	url, taken := silent(t)
	p := launchOn(t, config, strings.Repeat(url+",", 9)+url) // each takes 5 s, and all of it may take 30 s
	p.await("it asks for NATS", func() bool { return len(taken) > 0 })
	p.stop()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr buffer
	if code := run(ctx, []string{"run", "-c", config, "--store-dir", newStore(t), "--nats-listen", anyPort, "--http-listen", anyPort}, &stdout, &stderr); code != 0 {
		t.Errorf("told to stop before it began: exit %d, want 0: %s", code, stderr.String())
	}
}

func TestLogLevelAtRunTime(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 3)
	p, url := launchRun(t, nil, config, newStore(t))
	p.awaitReady(url)
	put := func(body string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/log/level", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Timeout: 10 * time.Second}
		resp, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if code := put(`{"level":"louder"}`); code != http.StatusBadRequest {
		t.Errorf("PUT of a level that is none: %d, want 400", code)
	}
	if _, body := get(t, url+"/log/level"); !strings.Contains(body, "info") {
		t.Errorf("level after a bad one: %s, want info as before", body)
	}
	if p.said(`"level":"debug"`) > 0 {
		t.Error("debug lines at level info")
	}
	if code := put(`{"level":"debug"}`); code != http.StatusOK {
		t.Errorf("PUT of debug: %d, want 200", code)
	}
	p.await("debug lines", func() bool { return p.said(`"level":"debug"`) > 0 })
	p.stop()
}
