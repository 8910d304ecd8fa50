//go:build replicas

package replicas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/presence"
)

// front is what one process knows as Graph. It hands on to the simulator and takes
// note of every request for presences: what was answered, and what became of the
// connection, by which it can be told whether the process took the answer.
type front struct {
	graph *graph
	web   *httptest.Server

	mu       sync.Mutex
	requests []*request // in order of arrival
}

// graph is what all processes have in common.
type graph struct {
	sim http.Handler

	mu    sync.Mutex
	delay time.Duration // answers are held back for so long
}

// request is one request for presences, and the answer it got.
type request struct {
	ids   []string // asked for; one for a single user's
	asked time.Time
	wire  *wire
	turn  int // how many the connection had had, this one too

	whole time.Time         // the answer had been written, every byte; zero: it was not
	told  []presence.Answer // what it said
}

// wire is a process's connection to its front.
type wire struct {
	mu     sync.Mutex
	turns  int
	closed time.Time // zero: it is still there
}

type wireKey struct{}

func startFront(t *testing.T, g *graph) *front {
	t.Helper()
	f := &front{graph: g}
	f.web = httptest.NewUnstartedServer(f)
	var wires sync.Map
	f.web.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		w := &wire{}
		wires.Store(c, w)
		return context.WithValue(ctx, wireKey{}, w)
	}
	track := f.web.Config.ConnState
	f.web.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if track != nil {
			track(c, s)
		}
		if w, ok := wires.Load(c); ok && (s == http.StateClosed || s == http.StateHijacked) {
			w.(*wire).close()
		}
	}
	f.web.Start()
	t.Cleanup(f.web.Close)
	return f
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = time.Now()
}

func (w *wire) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turns++
	return w.turns
}

// state is how many requests the connection had, and when it ended.
func (w *wire) state() (turns int, closed time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns, w.closed
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire := r.Context().Value(wireKey{}).(*wire)
	turn := wire.next()
	if !strings.Contains(r.URL.Path, "resence") {
		f.graph.sim.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it hung up before it had asked
	}
	q := &request{ids: idsOf(r, body), asked: time.Now(), wire: wire, turn: turn}
	f.mu.Lock()
	f.requests = append(f.requests, q)
	f.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Del("Accept-Encoding") // so that what was written can be read here
	answer := httptest.NewRecorder()
	f.graph.sim.ServeHTTP(answer, r) // it may panic to break the connection
	rest(r.Context(), f.graph.lag())
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	if _, err := w.Write(answer.Body.Bytes()); err != nil || http.NewResponseController(w).Flush() != nil || r.Context().Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	q.whole, q.told = time.Now(), parse(answer)
}

func (g *graph) lag() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.delay
}

// slow holds answers back from now on.
func (g *graph) slow(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delay = d
}

func idsOf(r *http.Request, body []byte) []string {
	if r.Method == http.MethodGet {
		return []string{strings.Split(r.URL.Path, "/")[3]} // /v1.0/users/{id}/presence
	}
	var asked struct {
		IDs []string `json:"ids"`
	}
	json.Unmarshal(body, &asked) // the simulator refuses what cannot be read
	return asked.IDs
}

// parse reads a bulk answer as anybody would, sharing no code with graphclient.
// What cannot be used tells nobody anything.
func parse(answer *httptest.ResponseRecorder) []presence.Answer {
	var page struct {
		Value []struct {
			ID             string `json:"id"`
			Availability   string `json:"availability"`
			Activity       string `json:"activity"`
			SequenceNumber string `json:"sequenceNumber"`
		} `json:"value"`
	}
	if answer.Code != http.StatusOK || !strings.Contains(answer.Header().Get("Content-Type"), "json") || json.Unmarshal(answer.Body.Bytes(), &page) != nil {
		return nil
	}
	told := make([]presence.Answer, len(page.Value))
	for i, e := range page.Value {
		told[i] = presence.Answer{User: presence.UserID(strings.ToLower(e.ID)), Presence: presence.Presence{Availability: e.Availability, Activity: e.Activity, SequenceNumber: e.SequenceNumber}}
	}
	return told
}

// all is every request so far, in order of arrival.
func (f *front) all() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	qs := make([]request, len(f.requests))
	for i, q := range f.requests {
		qs[i] = *q
	}
	return qs
}
