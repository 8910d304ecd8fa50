package graphclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"presenced/graphclient"
	"presenced/presence"
)

func inMemoryTokens(w *world, cred graphclient.Credential, log *zap.Logger) *graphclient.Tokens {
	return graphclient.NewTokens(graphclient.TokensConfig{
		Cloud:    graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"},
		TenantID: tenantID, ClientID: clientID, Transport: w, Log: log,
	}, cred)
}

// life answers with tokens that live that many seconds.
func life(seconds int) func(w *world) {
	return func(w *world) {
		w.login = func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(rw, `{"token_type":"Bearer","expires_in":%d,"access_token":"token%d"}`, seconds, w.logins.Load())
		}
	}
}

func mustToken(t *testing.T, tokens *graphclient.Tokens) string {
	t.Helper()
	token, err := tokens.Token(context.Background())
	if err != nil {
		t.Fatalf("Token = %v, want a token", err)
	}
	return token
}

func TestTokenIsSharedByItsCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.login = func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(3 * time.Second)
			fmt.Fprint(rw, `{"token_type":"Bearer","expires_in":3599,"access_token":"token1"}`)
		}
		tokens := inMemoryTokens(w, withSecret(secret), nil)
		// The first caller gives up; the request it began goes on for the others.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := tokens.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Token = %v, want the context's error", err)
			}
		})
		synctest.Wait()
		for range 100 {
			group.Go(func() { mustToken(t, tokens) })
		}
		group.Wait()
		if got := w.logins.Load(); got != 1 {
			t.Errorf("%d requests for a token, want 1", got)
		}
	})
}

func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		seconds int
		renew   time.Duration
		expires time.Duration
	}{
		"an hour":       {3600, 55 * time.Minute, time.Hour - 10*time.Second},
		"ten minutes":   {600, 5 * time.Minute, 590 * time.Second},
		"eight minutes": {480, 4 * time.Minute, 470 * time.Second},
		"ten seconds":   {10, 5 * time.Second, 5 * time.Second},
		"28 hours":      {100800, 24*time.Hour - 5*time.Minute, 24*time.Hour - 10*time.Second},
		"for ever":      {1 << 40, 24*time.Hour - 5*time.Minute, 24*time.Hour - 10*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				life(tc.seconds)(w)
				tokens := inMemoryTokens(w, withSecret(secret), nil)
				mustToken(t, tokens)
				if got := time.Until(tokens.Expiry()).Round(time.Second); got != tc.expires {
					t.Errorf("Expiry in %v, want %v", got, tc.expires)
				}
				time.Sleep(tc.renew - 100*time.Millisecond)
				if got := mustToken(t, tokens); got != "token1" || w.logins.Load() != 1 {
					t.Errorf("before the time: %s after %d requests, want token1 after 1", got, w.logins.Load())
				}
				time.Sleep(200 * time.Millisecond)
				mustToken(t, tokens) // the old one, where it is good still: nobody waits
				synctest.Wait()
				if got := mustToken(t, tokens); got != "token2" || w.logins.Load() != 2 {
					t.Errorf("after it: %s after %d requests, want token2 after 2", got, w.logins.Load())
				}
			})
		})
	}
}

func TestOldTokenServesWhileRenewalFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.DebugLevel)
		w := &world{}
		life(3600)(w)
		tokens := inMemoryTokens(w, withSecret(secret), zap.New(core))
		mustToken(t, tokens)
		w.login = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
		time.Sleep(56 * time.Minute)
		for range 3 {
			if got := mustToken(t, tokens); got != "token1" {
				t.Errorf("token = %q, want the old one", got)
			}
			synctest.Wait()
		}
		if got := w.logins.Load(); got != 2 {
			t.Errorf("%d requests, want 2: the failure is remembered", got)
		}
		if logged.FilterMessage("renew token").Len() != 1 {
			t.Errorf("log = %v, want one line about the renewal", logged.All())
		}
		time.Sleep(4 * time.Minute)
		if _, err := tokens.Token(context.Background()); err == nil {
			t.Error("Token after the old one's end = nil error, want the failure")
		}
	})
}

// hammer asks for a token each second for d, as a stubborn worker would, and
// returns how many requests Entra saw.
func hammer(w *world, tokens *graphclient.Tokens, d time.Duration) int64 {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		_, _ = tokens.Token(context.Background())
	}
	return w.logins.Load()
}

func TestFailuresAreNotHammered(t *testing.T) {
	t.Parallel()
	fail := func(status int, body string, header ...string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				rw.Header().Set(header[i], header[i+1])
			}
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
	for name, tc := range map[string]struct {
		login    http.HandlerFunc
		min, max int64 // requests in an hour
		cause    presence.Cause
	}{
		"secret wrong":  {fail(401, `{"error":"invalid_client","error_codes":[7000215]}`), 4, 10, presence.CauseUnauthorized},
		"server errors": {fail(503, ``), 50, 90, presence.CauseUnreachable},
		"Retry-After":   {fail(503, ``, "Retry-After", "600"), 6, 6, presence.CauseUnreachable},
		"capped":        {fail(503, ``, "Retry-After", "86400"), 4, 4, presence.CauseUnreachable},
		"throttled":     {fail(429, ``, "Retry-After", "600"), 6, 6, presence.CauseThrottled},
		"loop detected": {fail(400, `{"error":"invalid_grant","error_codes":[50196]}`), 8, 12, presence.CauseThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{login: tc.login}
				tokens := inMemoryTokens(w, withSecret(secret), nil)
				if n := hammer(w, tokens, time.Hour); n < tc.min || n > tc.max {
					t.Errorf("%d requests within an hour, want %d to %d", n, tc.min, tc.max)
				}
				_, err := tokens.Token(context.Background())
				var failure *graphclient.TokenError
				if !errors.As(err, &failure) || failure.Cause != tc.cause {
					t.Errorf("Token = %v, want cause %s", err, tc.cause)
				}
				// A person mended it: the next request works, and the back-off is over.
				w.login = nil
				time.Sleep(15 * time.Minute)
				mustToken(t, tokens)
			})
		})
	}
}

// A token that ends before it arrives must not be asked for again and again.
func TestTokenThatEndsOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.login = func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(3 * time.Second)
			fmt.Fprint(rw, `{"token_type":"Bearer","expires_in":4,"access_token":"t"}`)
		}
		tokens := inMemoryTokens(w, withSecret(secret), nil)
		if token, err := tokens.Token(context.Background()); err == nil {
			t.Errorf("Token = %q, want an error", token)
		}
		if n := hammer(w, tokens, 10*time.Minute); n > 20 {
			t.Errorf("%d requests within ten minutes, want 20 at most", n)
		}
	})
}

func TestDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		tokens := inMemoryTokens(w, withSecret(secret), nil)
		first := mustToken(t, tokens)
		tokens.Drop("another")
		if got := mustToken(t, tokens); got != first {
			t.Errorf("Token after somebody else's Drop = %q, want %q", got, first)
		}
		tokens.Drop(first)
		tokens.Drop(first) // many requests see the same 401
		second := mustToken(t, tokens)
		if second == first || w.logins.Load() != 2 {
			t.Errorf("Token after Drop = %q after %d requests, want a new one after 2", second, w.logins.Load())
		}
		// The new one is refused too: asking on and on would not help.
		tokens.Drop(second)
		if !tokens.Expiry().IsZero() {
			t.Error("Expiry of no token is not zero")
		}
		_, err := tokens.Token(context.Background())
		var failure *graphclient.TokenError
		if !errors.As(err, &failure) || failure.Cause != presence.CauseUnauthorized {
			t.Errorf("Token = %v, want cause unauthorized", err)
		}
		for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
			if token, err := tokens.Token(context.Background()); err == nil {
				tokens.Drop(token)
			}
		}
		if n := w.logins.Load(); n < 5 || n > 20 {
			t.Errorf("%d requests within an hour of refusals, want 5 to 20", n)
		}
	})
}

func TestTokenEndpointGetsNoSecondChanceToSteal(t *testing.T) {
	t.Parallel()
	var stolen sync.Map
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		stolen.Store(req.URL.String()+drain(req), true)
	}))
	defer thief.Close()
	for status := 300; status <= 308; status++ {
		w := &world{login: func(rw http.ResponseWriter, req *http.Request) {
			http.Redirect(rw, req, thief.URL, status)
		}}
		r := overLoopback(t, w, setting{})
		_, err := r.tokens.Token(context.Background())
		var failure *graphclient.TokenError
		if !errors.As(err, &failure) || failure.Status != status {
			t.Errorf("Token = %v, want a refusal with status %d", err, status)
		}
	}
	stolen.Range(func(what, _ any) bool {
		t.Errorf("a redirect was followed: %v", what)
		return true
	})
}
