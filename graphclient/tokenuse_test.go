package graphclient_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

// refuseToken is Graph's 401.
func refuseToken(rw http.ResponseWriter) {
	refuse(rw, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
}

// Every four minutes the token is revoked. Each one had worked, so that nobody is
// blind for a single sweep.
func TestRevokedTokensAreRenewedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		given := map[string]time.Time{}
		w := &world{}
		w.graph = func(rw http.ResponseWriter, req *http.Request) {
			mu.Lock()
			since, ok := given[req.Header.Get("Authorization")]
			if !ok {
				since = time.Now()
				given[req.Header.Get("Authorization")] = since
			}
			mu.Unlock()
			if time.Since(since) >= 4*time.Minute {
				refuseToken(rw)
				return
			}
			answerAll(rw, req)
		}
		r := inMemory(t, w, setting{})
		for range 240 { // an hour of sweeps, two chunks each
			var group sync.WaitGroup
			for range 2 {
				group.Go(func() {
					if answers, err := r.Presences(context.Background(), users(3)); err != nil || len(answers) != 3 {
						t.Errorf("Presences = %v, %v, want three answers", answers, err)
					}
				})
			}
			group.Wait()
			time.Sleep(15 * time.Second)
		}
		if got := w.logins.Load(); got < 14 || got > 16 {
			t.Errorf("%d tokens within an hour, want one in four minutes", got)
		}
	})
}

// A Graph that takes each token once and then refuses it must not bring a storm
// upon Entra.
func TestTokensThatWorkOnceAreNoStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		taken := map[string]bool{}
		w := &world{}
		w.graph = func(rw http.ResponseWriter, req *http.Request) {
			mu.Lock()
			old := taken[req.Header.Get("Authorization")]
			taken[req.Header.Get("Authorization")] = true
			mu.Unlock()
			if old {
				refuseToken(rw)
				return
			}
			answerAll(rw, req)
		}
		r := inMemory(t, w, setting{})
		whole := 0
		for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
			_, err := r.Presences(context.Background(), users(3))
			if err == nil {
				whole++
				continue
			}
			blindBy(t, err, presence.CauseUnreachable) // nobody has to do anything
		}
		if n := w.logins.Load(); n > 70 || whole < 55 {
			t.Errorf("%d tokens within an hour and %d answers, want one token a minute, and each used", n, whole)
		}
	})
}

// Two new tokens refused in a row are for a person. Once that was mended, the
// next request works, and the token after it may be refused again.
func TestNewTokensRefusedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		r := inMemory(t, w, setting{})
		if _, err := r.Presences(context.Background(), users(3)); err != nil {
			t.Fatal(err)
		}
		w.graph = func(rw http.ResponseWriter, _ *http.Request) { refuseToken(rw) }
		_, err := r.Presences(context.Background(), users(3))
		blindBy(t, err, presence.CauseUnauthorized)
		if got := w.logins.Load(); got != 2 {
			t.Errorf("%d tokens, want one new one", got)
		}
		_, err = r.Presences(context.Background(), users(3))
		var token *graphclient.TokenError
		if blindBy(t, err, presence.CauseUnauthorized); !errors.As(err, &token) || token.Advice == "" || w.requests.Load() != 3 {
			t.Errorf("error = %v after %d requests, want advice, and nothing sent", err, w.requests.Load())
		}
		w.graph = nil
		time.Sleep(2 * time.Minute)
		w.graph = func(rw http.ResponseWriter, req *http.Request) {
			if w.requests.Load() == 5 { // a token that had worked
				refuseToken(rw)
				return
			}
			answerAll(rw, req)
		}
		for range 3 {
			if answers, err := r.Presences(context.Background(), users(3)); err != nil || len(answers) != 3 {
				t.Errorf("Presences = %v, %v, want three answers", answers, err)
			}
		}
	})
}

// A refused token has a try of its own, after other failures too.
func TestRefusedTokenAfterServerErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.graph = func(rw http.ResponseWriter, req *http.Request) {
			switch w.requests.Load() {
			case 1, 2:
				refuse(rw, http.StatusInternalServerError, "generalException", "")
			case 3:
				refuseToken(rw)
			default:
				answerAll(rw, req)
			}
		}
		r := inMemory(t, w, setting{})
		if answers, err := r.Presences(context.Background(), users(3)); err != nil || len(answers) != 3 {
			t.Errorf("Presences = %v, %v, want three answers", answers, err)
		}
	})
}
