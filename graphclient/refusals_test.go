package graphclient_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		header string // of Retry-After
		cause  presence.Cause
		tries  int64
		class  string
		want   string
	}{
		"forbidden":    {403, "", presence.CauseForbidden, 1, "4xx", "Presence.Read.All"},
		"unauthorized": {401, "", presence.CauseUnauthorized, 2, "4xx", "401"},
		"no method":    {405, "", presence.CauseUnreachable, 1, "4xx", "405"},
		"gone":         {410, "", presence.CauseUnreachable, 1, "4xx", "410"},
		"server error": {500, "", presence.CauseUnreachable, 3, "5xx", "500"},
		"bad gateway":  {502, "", presence.CauseUnreachable, 3, "5xx", "502"},
		"status 501":   {501, "", presence.CauseUnreachable, 1, "5xx", "501"},
		"redirect":     {307, "", presence.CauseUnreachable, 1, "3xx", "not followed"},
		"not modified": {304, "", presence.CauseUnreachable, 1, "3xx", "304"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) {
				refuse(rw, tc.status, "SomeCode", "line one\r\nline two about "+string(user(0))+" and a.b@contoso.com")
			}}
			r := overLoopback(t, w, setting{})
			_, err := r.Presences(t.Context(), users(3))
			blindBy(t, err, tc.cause)
			var e *graphclient.APIError
			if !errors.As(err, &e) || e.Status != tc.status || e.RequestID == "" || e.ClientRequestID == "" {
				t.Fatalf("error = %+v, want an *APIError with status and ids", e)
			}
			if !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), string(user(0))) || strings.Contains(err.Error(), "contoso.com") || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("error = %q, want one line with %q, without names", err, tc.want)
			}
			if got := r.requests.Load(); got != tc.tries || r.seen.classes[tc.class] != int(tc.tries) {
				t.Errorf("%d requests, observed %v, want %d of class %s", got, r.seen.classes, tc.tries, tc.class)
			}
		})
	}
}

func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.graph = func(rw http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") == "Bearer token1" {
			rw.Header().Set("WWW-Authenticate", `Bearer realm="", error="invalid_token"`)
			refuse(rw, 401, "InvalidAuthenticationToken", "expired")
			return
		}
		answerAll(rw, req) // the body has to be there again
	}
	r := overLoopback(t, w, setting{})
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if answers, err := r.Presences(t.Context(), users(3)); err != nil || len(answers) != 3 {
				t.Errorf("Presences = %v, %v, want three answers", answers, err)
			}
		})
	}
	group.Wait()
	if got := r.logins.Load(); got != 2 {
		t.Errorf("%d tokens were asked for, want 2", got)
	}
}

func TestRefusedTokensAreNotHammered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, 401, "InvalidAuthenticationToken", "no") }}
		r := inMemory(t, w, setting{})
		for range 240 { // an hour of sweeps
			_, err := r.Presences(context.Background(), users(3))
			blindBy(t, err, presence.CauseUnauthorized)
			time.Sleep(15 * time.Second)
		}
		if tokens, requests := r.logins.Load(), r.requests.Load(); tokens > 20 || requests > 20 {
			t.Errorf("%d tokens and %d requests within an hour, want 20 at most", tokens, requests)
		}
	})
}

func TestThrottlingHoldsTheTenant(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		retryAfter string
		min, max   time.Duration // until the answer
	}{
		"seconds":         {429, "10", 10 * time.Second, 10 * time.Second},
		"fraction":        {429, "2.128", 3 * time.Second, 3 * time.Second},
		"absent":          {429, "", time.Second, 3 * time.Second},
		"zero":            {429, "0", time.Second, 3 * time.Second},
		"garbage":         {429, "soon", time.Second, 3 * time.Second},
		"unavailable":     {503, "20", 20 * time.Second, 20 * time.Second},
		"gateway timeout": {504, "", time.Second, 3 * time.Second},
		"bandwidth":       {509, "7", 7 * time.Second, 7 * time.Second},
		"an hour":         {429, "3600", 15 * time.Minute, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				start := time.Now()
				w.graph = func(rw http.ResponseWriter, req *http.Request) {
					if w.requests.Load() == 1 {
						if tc.retryAfter != "" {
							rw.Header().Set("Retry-After", tc.retryAfter)
						}
						refuse(rw, tc.status, "TooManyRequests", "Please retry again later.")
						return
					}
					if since := time.Since(start); since < tc.min {
						t.Errorf("a request left after %v, want none before %v", since, tc.min)
					}
					answerAll(rw, req)
				}
				r := inMemory(t, w, setting{})
				took := elapsed(func() {
					if answers, err := r.Presences(context.Background(), users(3)); err != nil || len(answers) != 3 {
						t.Errorf("Presences = %v, %v, want the answers in the end", answers, err)
					}
				})
				if took < tc.min || took > tc.max {
					t.Errorf("took %v, want %v to %v", took, tc.min, tc.max)
				}
				if r.budget.Ledger().Sent != 2 {
					t.Errorf("%d requests count, want the refused one too", r.budget.Ledger().Sent)
				}
			})
		})
	}
}

// Other chunks of the sweep find the tenant held, and do not wait in vain.
func TestThrottledSweepEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "30")
			refuse(rw, 429, "TooManyRequests", "later")
		}}
		r := inMemory(t, w, setting{})
		ctx, cancel := context.WithTimeout(context.Background(), 14*time.Second)
		defer cancel()
		took := elapsed(func() {
			for range 10 {
				_, err := r.Presences(ctx, users(650))
				if blind := blindBy(t, err, presence.CauseThrottled); !errors.Is(blind, graphclient.ErrThrottled) {
					t.Errorf("error = %v, want ErrThrottled inside", err)
				}
			}
		})
		if took != 0 || w.requests.Load() != 1 {
			t.Errorf("took %v and %d requests, want no time and 1", took, w.requests.Load())
		}
	})
}

func TestNoPermitIsTheLogsFault(t *testing.T) {
	t.Parallel()
	r := inMemory(t, &world{}, setting{unowned: true})
	_, err := r.Presences(t.Context(), users(3))
	blindBy(t, err, presence.CauseNATS)
	if r.requests.Load() != 0 {
		t.Error("a request left without a permit")
	}
}

func TestTokenFailureHasItsCause(t *testing.T) {
	t.Parallel()
	for status, cause := range map[int]presence.Cause{
		401: presence.CauseUnauthorized, 503: presence.CauseUnreachable, 429: presence.CauseThrottled,
	} {
		r := overLoopback(t, &world{login: func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }}, setting{})
		_, err := r.Presences(t.Context(), users(3))
		var token *graphclient.TokenError
		if blindBy(t, err, cause); !errors.As(err, &token) {
			t.Errorf("error = %v, want a *TokenError inside", err)
		}
		if l := r.budget.Ledger(); l.Sent != 0 || l.InFlight != 0 {
			t.Errorf("ledger = %+v, want nothing sent", l)
		}
	}
}

func TestRedirectsCarryNothingAway(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		seen.Store(req.URL.Path+" "+req.Header.Get("Authorization"), true)
	}))
	defer thief.Close()
	for status := 300; status <= 308; status++ {
		for _, endpoint := range []graphclient.Endpoint{graphclient.EndpointBulk, graphclient.EndpointUser} {
			w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
				rw.Header().Set("Location", thief.URL+"/v1.0/stolen")
				rw.Header().Set("Refresh", "0; url="+thief.URL)
				rw.WriteHeader(status)
			}}
			r := overLoopback(t, w, setting{endpoint: endpoint})
			_, err := r.Presences(t.Context(), users(1))
			blindBy(t, err, presence.CauseUnreachable)
		}
	}
	seen.Range(func(what, _ any) bool {
		t.Errorf("a redirect was followed: %v", what)
		return true
	})
}
