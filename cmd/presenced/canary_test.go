package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"presenced/graphsim"
)

// ears stands before the simulated tenant and remembers every token that it hears.
type ears struct {
	sim http.Handler

	mu     sync.Mutex
	tokens map[string]bool
}

func (e *ears) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), "Bearer "); ok {
		e.mu.Lock()
		e.tokens[token] = true
		e.mu.Unlock()
	}
	e.sim.ServeHTTP(w, r)
}

func (e *ears) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for token := range e.tokens {
		all = append(all, token)
	}
	return all
}

// Neither the secret nor a token is anywhere but on the wire: not in the log at
// debug level while everything goes wrong, not in metrics, health or events, and not in what
// the runtime prints of every goroutine when the process is made to crash.
func TestSecretsStayOffTheRecord(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 8)
	front := &ears{sim: sim, tokens: map[string]bool{}}
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	rewrite(t, config, func(text string) string { return strings.ReplaceAll(text, sim.url, web.URL) })
	store := newStore(t)
	p, url := launchRun(t, []string{"GOTRACEBACK=all"}, config, store, "--log-level", "debug")
	p.awaitReady(url)

	var seen strings.Builder
	for _, f := range []graphsim.Fault{
		{Kind: graphsim.KindReset, Count: 1}, {Kind: graphsim.KindInternalError, Count: 1}, {Kind: graphsim.KindBadGateway, Count: 1},
		{Kind: graphsim.KindTruncated, Count: 1}, {Kind: graphsim.KindRedirect, URL: "https://example.com/", Count: 1},
		{Kind: graphsim.KindUnauthorized, Count: 1},
		{Kind: graphsim.KindUnauthorized, Count: 2}, // which is believed: the tenant is left alone from then on
	} {
		if err := sim.Inject(f); err != nil {
			t.Fatal(err)
		}
		before := sim.Stats().Requests
		p.await("the fault is met", func() bool { return sim.Stats().Requests > before })
		_, health := ask(url + "/readyz?verbose")
		_, metrics := ask(url + "/metrics")
		seen.WriteString(health + metrics)
	}
	p.await("trouble is told", func() bool { return p.said(`"now":"down"`, "unauthorized") > 0 })
	p.signal(syscall.SIGQUIT)
	if code := p.awaitEnd().ExitCode(); code != 2 {
		t.Errorf("after SIGQUIT: %v, want the runtime's exit code 2", p.cmd.ProcessState)
	}
	for _, part := range []string{"SIGQUIT", "goroutine ", "worker.(*reign)"} {
		if p.said(part) == 0 {
			t.Fatalf("the crash does not show %q: nothing is proven", part)
		}
	}
	seen.WriteString(p.stdout.String() + p.stderr.String() + contents(t, store))

	secrets := append(front.heard(), sim.Tenants()[0].ClientSecret)
	if len(secrets) < 2 {
		t.Fatal("no token was heard")
	}
	for _, secret := range secrets {
		for _, part := range []string{secret, secret[:len(secret)/2], secret[len(secret)/2:]} {
			if strings.Contains(seen.String(), part) {
				t.Errorf("a secret of %d bytes is on record", len(secret))
			}
		}
	}
	if events := contents(t, store); !strings.Contains(events, sim.UserIDs()[0]) {
		t.Error("the store holds no event: nothing is proven")
	}
}

// chatterer answers as the simulated tenant does, and says something more on the
// same connection, unasked.
type chatterer struct {
	sim  http.Handler
	said atomic.Int64
}

func (c *chatterer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	c.sim.ServeHTTP(answer, r)
	conn, stream, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return // the client is gone
	}
	defer conn.Close()
	response := answer.Result()
	response.ContentLength = int64(answer.Body.Len())
	response.Write(stream)
	stream.Flush()
	<-time.After(100 * time.Millisecond) // until the connection is idle
	stream.WriteString("HTTP/1.1 200 canary-unasked\r\n\r\n")
	stream.Flush()
	c.said.Add(1)
	<-time.After(100 * time.Millisecond)
}

// net/http logs what comes unasked, word for word, where only the standard logger
// goes: it may be anything.
func TestUnaskedWordsAreNotPrinted(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 3)
	front := &chatterer{sim: sim}
	web := httptest.NewServer(front)
	t.Cleanup(web.Close)
	rewrite(t, config, func(text string) string { return strings.ReplaceAll(text, sim.url, web.URL) })
	p, url := launchRun(t, nil, config, newStore(t), "--log-level", "debug")
	p.awaitReady(url)
	p.await("unasked words", func() bool { return front.said.Load() > 3 })
	p.stop()
	if out := p.stdout.String() + p.stderr.String(); strings.Contains(out, "canary-unasked") {
		t.Errorf("it prints what a server says unasked:\n%s", out)
	}
}

// contents is everything that a store holds, byte by byte.
func contents(t *testing.T, store string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(store, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
