package graphclient_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

// allergic refuses every request that holds one of the ids.
func allergic(bad ...presence.UserID) http.HandlerFunc {
	return func(rw http.ResponseWriter, req *http.Request) {
		ids := askedIDs(req)
		var entries []string
		for _, id := range ids {
			if slices.Contains(bad, presence.UserID(id)) {
				refuse(rw, 400, "BadRequest", "")
				return
			}
			entries = append(entries, entry(id, "Available", "Available"))
		}
		fmt.Fprintf(rw, `{"value":[%s]}`, strings.Join(entries, ","))
	}
}

func TestBadIDIsFoundByHalving(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		bad      []int
		requests int64 // at most
	}{
		"first":          {[]int{0}, 21},
		"last":           {[]int{649}, 21},
		"in the middle":  {[]int{324}, 21},
		"both ends":      {[]int{0, 649}, 41},
		"three together": {[]int{100, 101, 102}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var bad []presence.UserID
				for _, n := range tc.bad {
					bad = append(bad, user(n))
				}
				w := &world{graph: allergic(bad...)}
				r := inMemory(t, w, setting{})
				sweep := func(want int, requests int64) {
					t.Helper()
					before := w.requests.Load()
					answers, err := r.Presences(context.Background(), users(650))
					if err != nil || len(answers) != want {
						t.Errorf("Presences = %d answers, %v, want %d", len(answers), err, want)
					}
					if n := w.requests.Load() - before; n > requests {
						t.Errorf("%d requests, want %d at most", n, requests)
					}
				}
				sweep(650-len(bad), tc.requests)
				if got := r.seen.sum; got.Refused != len(bad) {
					t.Errorf("observed %+v, want %d refused", got, len(bad))
				}
				sweep(650-len(bad), 1) // they do not spoil the next sweep
				time.Sleep(9 * time.Minute)
				sweep(650-len(bad), 1)
				time.Sleep(2 * time.Minute)
				sweep(650-len(bad), 2) // one is asked again, by itself
				w.graph = nil          // Graph takes them now
				time.Sleep(11 * time.Minute)
				for range bad {
					_, _ = r.Presences(context.Background(), users(650))
				}
				sweep(650, 1)
			})
		})
	}
}

// A Graph that refuses everything must not be asked 1,300 questions a chunk.
func TestGeneralRefusalIsNotTakenApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, 400, "BadRequest", "no") }}
		r := inMemory(t, w, setting{})
		for range 16 {
			answers, err := r.Presences(context.Background(), users(650))
			blindBy(t, err, presence.CauseUnreachable)
			if len(answers) != 0 {
				t.Errorf("answers = %v", answers)
			}
		}
		if n := w.requests.Load(); n > 25+15 {
			t.Errorf("%d requests for 16 chunks, want 40 at most", n)
		}
		// Nobody was blamed for it.
		w.graph = nil
		if answers, err := r.Presences(context.Background(), users(650)[300:310]); err != nil || len(answers) != 10 {
			t.Errorf("Presences = %d answers, %v, want 10", len(answers), err)
		}
		before := w.requests.Load()
		if answers, err := r.Presences(context.Background(), users(650)); err != nil || len(answers) != 650 || w.requests.Load() != before+1 {
			t.Errorf("Presences = %d answers, %v, want all in one request", len(answers), err)
		}
	})
}

func TestHalvingStaysWithinTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{graph: allergic(user(649))}
		r := inMemory(t, w, setting{requests: 4})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		answers, err := r.Presences(ctx, users(650))
		blindBy(t, err, presence.CauseThrottled)
		if len(answers) != 325+162 || w.requests.Load() != 4 {
			t.Errorf("%d answers after %d requests, want 487 after 4", len(answers), w.requests.Load())
		}
	})
}

// Throttling and a missing permission are nobody's fault.
func TestOtherRefusalsAreNotHalved(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 405, 500, 501} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, status, "x", "") }}
			r := inMemory(t, w, setting{})
			if _, err := r.Presences(context.Background(), users(650)); err == nil || w.requests.Load() > 3 {
				t.Errorf("status %d: %d requests, %v", status, w.requests.Load(), err)
			}
		})
	}
}

func TestRefusedSingleUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, string(user(0))) {
				refuse(rw, 404, "NotFound", "")
				return
			}
			fmt.Fprint(rw, entry(string(user(1)), "Busy", "Busy"))
		}}
		r := inMemory(t, w, setting{endpoint: graphclient.EndpointUser})
		for range 4 {
			for i := range 2 {
				answers, err := r.Presences(context.Background(), []presence.UserID{user(i)})
				if err != nil || len(answers) != i {
					t.Errorf("Presences of user %d = %v, %v", i, answers, err)
				}
			}
		}
		if n := w.requests.Load(); n != 5 {
			t.Errorf("%d requests in 4 sweeps, want 5: the refused user is left out", n)
		}
	})
}

func TestMeNeedsAPerson(t *testing.T) {
	t.Parallel()
	w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) {
		refuse(rw, 400, "BadRequest", "/me request is only valid with delegated authentication flow.")
	}}
	r := inMemory(t, w, setting{endpoint: graphclient.EndpointMe})
	_, err := r.Presences(t.Context(), users(1))
	if blindBy(t, err, presence.CauseForbidden); !strings.Contains(err.Error(), "device_code") {
		t.Errorf("error = %v, want the way out", err)
	}
}
