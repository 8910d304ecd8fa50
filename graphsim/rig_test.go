package graphsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/graphsim"
)

// rig is a simulation behind a real loopback server, and a client of it.
type rig struct {
	t      *testing.T
	sim    *graphsim.Server
	url    string
	client *http.Client
	bearer string // access token of the first app; empty until needed
}

// start serves a simulation until the test ends.
func start(t *testing.T, cfg graphsim.Config) *rig {
	t.Helper()
	sim := newSim(t, cfg)
	web := httptest.NewServer(sim)
	t.Cleanup(web.Close)
	client := web.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &rig{t: t, sim: sim, url: web.URL, client: client}
}

func newSim(t testing.TB, cfg graphsim.Config) *graphsim.Server {
	t.Helper()
	sim, err := graphsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// clock is a real clock that stands still until told otherwise.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body []byte
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s %s: reading the body: %v", req.Method, req.URL.Path, err)
	}
	return answer{res, body}
}

func (r *rig) request(method, path, body string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	return req
}

// graph sends a request with a good token.
func (r *rig) graph(method, path, body string, header ...string) answer {
	r.t.Helper()
	req := r.request(method, path, body)
	req.Header.Set("Authorization", "Bearer "+r.token())
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.do(req)
}

func (r *rig) get(path string, header ...string) answer {
	r.t.Helper()
	return r.graph(http.MethodGet, path, "", header...)
}

func idsBody(ids ...string) string {
	body, _ := json.Marshal(map[string][]string{"ids": ids})
	return string(body)
}

const bulkPath = "/v1.0/communications/getPresencesByUserId"

func (r *rig) bulk(ids ...string) answer {
	r.t.Helper()
	return r.graph(http.MethodPost, bulkPath, idsBody(ids...))
}

// form sends a form to the token service of a tenant.
func (r *rig) form(tenant, endpoint string, fields url.Values, header ...string) answer {
	r.t.Helper()
	req := r.request(http.MethodPost, "/"+tenant+"/oauth2/v2.0/"+endpoint, fields.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.do(req)
}

const graphScope = "https://graph.microsoft.com/.default"

// secretForm is a right client credentials request of an app.
func secretForm(app graphsim.TenantConfig) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "scope": {graphScope}}
}

// token returns an access token of the first app.
func (r *rig) token() string {
	r.t.Helper()
	if r.bearer == "" {
		r.bearer = r.tokenOf(r.sim.Tenants()[0])
	}
	return r.bearer
}

func (r *rig) tokenOf(app graphsim.TenantConfig) string {
	r.t.Helper()
	got := r.form(app.ID, "token", secretForm(app))
	if got.StatusCode != http.StatusOK {
		r.t.Fatalf("token: %d %s", got.StatusCode, got.body)
	}
	return got.text("access_token")
}

// want fails the test unless the status is right.
func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s: status = %d, want %d; body %.300s", a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	return a
}

// text returns a string at a path of keys in a JSON body, empty if there is none.
func (a answer) text(keys ...string) string {
	var v any
	_ = json.Unmarshal(a.body, &v)
	for _, key := range keys {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	s, _ := v.(string)
	return s
}

// presence is what a client reads.
type presence struct {
	ID             string
	Availability   *string
	Activity       *string
	SequenceNumber string
	raw            map[string]any
}

// presences reads a collection or a single presence.
func (a answer) presences(t *testing.T) []presence {
	t.Helper()
	var body struct{ Value []json.RawMessage }
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatalf("body %.200q: %v", a.body, err)
	}
	if body.Value == nil {
		body.Value = []json.RawMessage{a.body}
	}
	list := make([]presence, len(body.Value))
	for i, raw := range body.Value {
		if json.Unmarshal(raw, &list[i]) != nil || json.Unmarshal(raw, &list[i].raw) != nil {
			t.Fatalf("presence %.200q: not readable", raw)
		}
	}
	return list
}

func (p presence) words() string {
	if p.Availability == nil || p.Activity == nil {
		return "null"
	}
	return *p.Availability + "/" + *p.Activity
}

// byID indexes presences by lower-case id.
func byID(list []presence) map[string]presence {
	m := map[string]presence{}
	for _, p := range list {
		m[strings.ToLower(p.ID)] = p
	}
	return m
}
