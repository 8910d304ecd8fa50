package graphclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/graphclient"
	"presenced/presence"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	u := user(0)
	for endpoint, tc := range map[graphclient.Endpoint]struct {
		method, path, body string
		chunk              int
	}{
		graphclient.EndpointBulk:           {"POST", "/v1.0/communications/getPresencesByUserId", `{"ids":["` + string(u) + `"]}`, 650},
		graphclient.EndpointUser:           {"GET", "/v1.0/users/" + string(u) + "/presence", "", 1},
		graphclient.EndpointCommunications: {"GET", "/v1.0/communications/presences/" + string(u), "", 1},
		graphclient.EndpointMe:             {"GET", "/v1.0/me/presence", "", 1},
	} {
		for _, listed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s list %v", endpoint, listed), func(t *testing.T) {
				t.Parallel()
				w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
					got := []string{req.Method, req.URL.Path, drain(req), req.URL.RawQuery}
					if diff := cmp.Diff([]string{tc.method, tc.path, tc.body, ""}, got); diff != "" {
						t.Errorf("request (-want +got):\n%s", diff)
					}
					h := req.Header
					if h.Get("Authorization") != "Bearer token1" || h.Get("User-Agent") != "presenced/1.2.3" || len(h.Get("client-request-id")) != 36 {
						t.Errorf("headers = %v", h)
					}
					if tc.body != "" && h.Get("Content-Type") != "application/json" {
						t.Errorf("Content-Type = %q", h.Get("Content-Type"))
					}
					e := entry(string(u), "Busy", "InACall")
					if listed || tc.chunk > 1 {
						e = `{"value":[` + e + `]}`
					}
					fmt.Fprint(rw, e)
				}}
				r := overLoopback(t, w, setting{endpoint: endpoint})
				if got := r.ChunkSize(); got != tc.chunk {
					t.Errorf("ChunkSize = %d, want %d", got, tc.chunk)
				}
				answers, err := r.Presences(t.Context(), []presence.UserID{u})
				if err != nil || len(answers) != 1 || answers[0].Presence.Activity != "InACall" {
					t.Errorf("Presences = %v, %v, want one answer", answers, err)
				}
			})
		}
	}
}

// One entity that is no presence leaves the only user without an answer: that is
// worth an error. An empty list was an answer.
func TestSingleEndpointWithoutPresence(t *testing.T) {
	t.Parallel()
	for body, bad := range map[string]bool{
		`{"id":"` + string(user(0)) + `","displayName":"X"}`: true,
		`{}`:                                    true,
		`{"value":[]}`:                          false,
		entry(string(user(1)), "Busy", "Busy"):  false, // somebody else's
		`{"availability":5,"activity":"Busy"}`:  true,
		`{"availability":"Busy","activity":"x"`: true,
	} {
		r := overLoopback(t, &world{graph: func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) }},
			setting{endpoint: graphclient.EndpointUser})
		answers, err := r.Presences(t.Context(), users(1))
		if len(answers) != 0 || (err != nil) != bad {
			t.Errorf("Presences of %s = %v, %v, want no answer, error: %v", body, answers, err, bad)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	cloud := graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"}
	tokens := graphclient.NewTokens(graphclient.TokensConfig{}, nil)
	budget, _ := newBudget(t, 1, false)
	for want, f := range map[string]func() (*graphclient.Client, error){
		"endpoint": func() (*graphclient.Client, error) {
			return graphclient.New(graphclient.Config{Cloud: cloud, Endpoint: "batch"}, tokens, budget, nil, nil)
		},
		"budget": func() (*graphclient.Client, error) {
			return graphclient.New(graphclient.Config{Cloud: cloud}, tokens, nil, nil, nil)
		},
		"tokens": func() (*graphclient.Client, error) {
			return graphclient.New(graphclient.Config{Cloud: cloud}, nil, budget, nil, nil)
		},
		"graph_url": func() (*graphclient.Client, error) {
			return graphclient.New(graphclient.Config{}, tokens, budget, nil, nil)
		},
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error with %q", err, want)
		}
	}
	if _, err := graphclient.New(graphclient.Config{Cloud: cloud}, tokens, budget, nil, nil); err != nil {
		t.Errorf("New = %v, want a client with defaults", err)
	}
}

// An HTML page with status 200 comes from something in between.
func TestOnlyJSONIsAnAnswer(t *testing.T) {
	t.Parallel()
	for contentType, ok := range map[string]bool{
		"application/json": true,
		"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8": true,
		"application/problem+json": true,
		"text/html; charset=utf-8": false,
		"text/plain":               false,
		"nonsense;;":               false,
	} {
		w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Content-Type", contentType)
			answerAll(rw, req)
		}}
		r := overLoopback(t, w, setting{})
		answers, err := r.Presences(t.Context(), users(2))
		if (err == nil) != ok || (len(answers) == 2) != ok || r.requests.Load() != 1 {
			t.Errorf("%s: %d answers, %v, want ok: %v", contentType, len(answers), err, ok)
		}
	}
}

func TestHungServerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.graph = func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }
		r := inMemory(t, w, setting{})
		took := elapsed(func() {
			_, err := r.Presences(context.Background(), users(3))
			if blindBy(t, err, presence.CauseUnreachable); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v, want a deadline inside", err)
			}
		})
		if took != 20*time.Second || w.requests.Load() != 1 {
			t.Errorf("took %v and %d requests, want 20s and 1", took, w.requests.Load())
		}
		// It may have arrived, or may yet: not over for the budget.
		if l := r.budget.Ledger(); l.InFlight != 1 {
			t.Errorf("ledger = %+v, want the request still counted as in flight", l)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if took := elapsed(func() { _, _ = r.Presences(ctx, users(3)) }); took != 3*time.Second {
			t.Errorf("took %v, want the caller's 3s", took)
		}
	})
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := &world{}
	r := overLoopback(t, w, setting{})
	mustToken(t, r.tokens)
	gone := httptest.NewServer(w)
	gone.Close()
	client, err := graphclient.New(graphclient.Config{Cloud: graphclient.Cloud{LoginURL: gone.URL, GraphURL: gone.URL}},
		r.tokens, r.budget, r.seen, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Presences(t.Context(), users(3))
	blindBy(t, err, presence.CauseUnreachable)
	if !strings.Contains(err.Error(), "connection refused") || r.seen.classes["network"] != 3 {
		t.Errorf("error = %v, observed %v, want 3 refused connections", err, r.seen.classes)
	}
}
