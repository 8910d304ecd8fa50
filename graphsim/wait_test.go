package graphsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphsim"
)

// bubble serves a simulation without sockets, inside a synctest bubble.
func bubble(t *testing.T, cfg graphsim.Config) *rig {
	t.Helper()
	sim := newSim(t, cfg)
	pipe := graphsim.NewPipe()
	web := &http.Server{Handler: sim, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(pipe)
	}()
	transport := &http.Transport{DialContext: pipe.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = web.Close()
		<-done
	})
	return &rig{t: t, sim: sim, url: "http://sim.example", client: &http.Client{Transport: transport}}
}

func (r *rig) slowBulk(ctx context.Context, ids ...string) ([]byte, error) {
	req := r.request(http.MethodPost, bulkPath, idsBody(ids...)).WithContext(ctx)
	req.Header.Set("Authorization", "Bearer "+r.token())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

func TestHangLastsUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := bubble(t, graphsim.Config{Users: 1})
		inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindHang, Count: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := r.slowBulk(ctx, r.sim.UserIDs()...); err == nil || time.Since(began) != 20*time.Second {
			t.Errorf("after %v: %v; want the client's own timeout", time.Since(began), err)
		}
	})
}

func TestHangOfSomeTimeEndsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := bubble(t, graphsim.Config{Users: 1})
		inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindHang, Delay: 7 * time.Second, Count: 1})
		began := time.Now()
		if _, err := r.slowBulk(t.Context(), r.sim.UserIDs()...); err == nil || time.Since(began) != 7*time.Second {
			t.Errorf("after %v: %v; want a broken connection after 7s", time.Since(began), err)
		}
	})
}

func TestSlowAnswerIsRightAndServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := bubble(t, graphsim.Config{Users: 1})
		inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindSlow, Count: 2})
		r.token()
		began := time.Now()
		body, err := r.slowBulk(t.Context(), r.sim.UserIDs()...)
		if err != nil || !json.Valid(body) {
			t.Fatalf("%s: %v", body, err)
		}
		if took := time.Since(began); took != time.Duration(len(body))*time.Second {
			t.Errorf("%d bytes took %v, want one a second", len(body), took)
		}
		if n := total(r.sim.Served()[r.sim.UserIDs()[0]]); n != 1 {
			t.Errorf("served %d times, want once", n)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if body, err := r.slowBulk(ctx, r.sim.UserIDs()...); err == nil {
			t.Errorf("got %q within 30s", body)
		}
		synctest.Wait()
		if n := total(r.sim.Served()[r.sim.UserIDs()[0]]); n != 1 {
			t.Errorf("an answer the client did not wait for counts as served: %d times", n)
		}
	})
}

func TestSimulationRunsInFakeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := bubble(t, graphsim.Config{Users: 20, Speed: 60, TokenLifetime: 24 * time.Hour})
		for range 8 * 60 { // a day, once a simulated minute
			if _, err := r.slowBulk(t.Context(), r.sim.UserIDs()...); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if got := r.sim.Simulated(); got.Hour() != 17 || got.Minute() != 30 {
			t.Errorf("simulated time = %v, want 17:30", got)
		}
		if got := r.sim.Stats().MaxInWindow; got != 30 {
			t.Errorf("most in a window = %d, want 30: one a second, and the window is half open", got)
		}
	})
}

func TestPipeRefusesWhenClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipe := graphsim.NewPipe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := pipe.Dial(ctx, "", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialling without a server: %v", err)
		}
		_, _ = pipe.Close(), pipe.Close()
		if _, err := pipe.Dial(t.Context(), "", ""); err == nil {
			t.Error("dialling a closed pipe: no error")
		}
		if _, err := pipe.Accept(); err == nil {
			t.Error("accepting on a closed pipe: no error")
		}
	})
}
