package graphclient_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"presenced/graphclient"
	"presenced/presence"
)

const (
	tenantID = "7d1f3c86-2b04-4d50-9c7b-5a3f0c1d2e3f"
	clientID = "c0ffee00-1111-4222-8333-444455556666"
	secret   = "canary-secret-7f3a"
)

// world is Entra and Graph behind one handler. Tests replace its two halves.
type world struct {
	login http.HandlerFunc // nil: token1, token2, … for an hour each
	graph http.HandlerFunc // nil: everybody is available

	logins   atomic.Int64
	requests atomic.Int64
}

// ServeHTTP implements http.Handler.
func (w *world) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	if strings.Contains(req.URL.Path, "/oauth2/") {
		n := w.logins.Add(1)
		if w.login != nil {
			w.login(rw, req)
			return
		}
		fmt.Fprintf(rw, `{"token_type":"Bearer","expires_in":3599,"access_token":"token%d"}`, n)
		return
	}
	w.requests.Add(1)
	if w.graph != nil {
		w.graph(rw, req)
		return
	}
	answerAll(rw, req)
}

// RoundTrip implements http.RoundTripper without a socket, for tests in a bubble.
func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	done := make(chan *http.Response, 1)
	go func() {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, req)
		resp := rec.Result()
		resp.Request = req
		done <- resp
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// askedIDs reads the ids of a bulk request.
func askedIDs(req *http.Request) []string {
	var body struct{ IDs []string }
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
		return nil
	}
	return body.IDs
}

func answerAll(rw http.ResponseWriter, req *http.Request) {
	var entries []string
	for _, id := range askedIDs(req) {
		entries = append(entries, entry(id, "Available", "Available"))
	}
	fmt.Fprintf(rw, `{"value":[%s]}`, strings.Join(entries, ","))
}

func entry(id, availability, activity string) string {
	return fmt.Sprintf(`{"id":%q,"availability":%q,"activity":%q}`, id, availability, activity)
}

// refuse answers as Graph refuses.
func refuse(rw http.ResponseWriter, status int, code, message string) {
	rw.Header().Set("request-id", "94fb3b52-0000-4000-8000-000000000001")
	rw.WriteHeader(status)
	fmt.Fprintf(rw, `{"error":{"code":%q,"message":%q,"innerError":{"date":"2026-11-23T10:00:00"}}}`, code, message)
}

// rig is a client with all that it stands on.
type rig struct {
	*world
	*graphclient.Client
	tokens *graphclient.Tokens
	budget *graphclient.Budget
	seen   *tally
	cloud  graphclient.Cloud
}

// setting is what a test changes about a rig.
type setting struct {
	endpoint  graphclient.Endpoint
	fields    graphclient.Fields
	requests  int // the budget; 0: 1500
	transport http.RoundTripper
	log       *zap.Logger
	unowned   bool // the budget has no permit
}

// overLoopback makes a rig with a real server.
func overLoopback(t testing.TB, w *world, s setting) *rig {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	if s.transport == nil {
		transport := graphclient.NewTransport()
		t.Cleanup(transport.CloseIdleConnections)
		s.transport = transport
	}
	return newRig(t, w, s, graphclient.Cloud{LoginURL: server.URL, GraphURL: server.URL})
}

// inMemory makes a rig without sockets.
func inMemory(t testing.TB, w *world, s setting) *rig {
	t.Helper()
	if s.transport == nil {
		s.transport = w
	}
	return newRig(t, w, s, graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"})
}

func newRig(t testing.TB, w *world, s setting, cloud graphclient.Cloud) *rig {
	t.Helper()
	r := &rig{world: w, seen: &tally{classes: map[string]int{}}, cloud: cloud}
	r.tokens = graphclient.NewTokens(graphclient.TokensConfig{
		Cloud: cloud, TenantID: tenantID, ClientID: clientID, Transport: s.transport, Log: s.log,
	}, withSecret(secret))
	if s.requests == 0 {
		s.requests = 1500
	}
	r.budget, _ = newBudget(t, s.requests, !s.unowned)
	var err error
	r.Client, err = graphclient.New(graphclient.Config{
		Tenant: "contoso", Cloud: cloud, Endpoint: s.endpoint, Version: "1.2.3", Fields: s.fields, Transport: s.transport,
	}, r.tokens, r.budget, r.seen, s.log)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func withSecret(s string) graphclient.ClientSecret {
	return graphclient.ClientSecret{Read: func() (string, error) { return s, nil }}
}

// tally remembers what it was told.
type tally struct {
	mu      sync.Mutex
	classes map[string]int
	sum     graphclient.Outcome
}

func (o *tally) Request(class string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.classes[class]++
}

func (o *tally) Answers(c graphclient.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sum.Refused += c.Refused
	o.sum.Unasked += c.Unasked
	o.sum.NewWords += c.NewWords
}

// user is the nth user id.
func user(n int) presence.UserID {
	return presence.UserID(fmt.Sprintf("00000000-0000-4000-8000-%012x", n))
}

func users(n int) []presence.UserID {
	ids := make([]presence.UserID, n)
	for i := range ids {
		ids[i] = user(i)
	}
	return ids
}

// elapsed runs f and tells how long it took.
func elapsed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func drain(req *http.Request) string {
	body, _ := io.ReadAll(req.Body)
	return string(body)
}
