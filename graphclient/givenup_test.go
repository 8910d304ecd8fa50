package graphclient_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/graphsim"
)

// stuck delivers presence requests a while after they left, also those that
// nobody waits for any more.
type stuck struct {
	next  http.RoundTripper
	delay func() time.Duration
	group sync.WaitGroup
}

func (s *stuck) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("Authorization") == "" {
		return s.next.RoundTrip(req)
	}
	type outcome struct {
		resp *http.Response
		err  error
	}
	done := make(chan outcome, 1)
	s.group.Go(func() {
		time.Sleep(s.delay())
		resp, err := s.next.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
		done <- outcome{resp, err}
	})
	select {
	case o := <-done:
		return o.resp, o.err
	case <-req.Context().Done():
		s.group.Go(func() {
			if o := <-done; o.err == nil {
				_ = o.resp.Body.Close()
			}
		})
		return nil, req.Context().Err()
	}
}

// Callers give up after a second, the network delivers within twelve: what nobody
// waits for arrives all the same, and counts.
func TestRequestsGivenUpStillCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 60
		s := simulateInBubble(t, graphsim.Config{Users: 5, Limit: limit})
		way := &stuck{next: s.transport, delay: func() time.Duration { return time.Duration(rand.IntN(2)) * 11 * time.Second }}
		b, _ := newBudget(t, limit, true)
		client, err := graphclient.New(graphclient.Config{Cloud: s.cloud, Transport: way}, s.tokens(withSecret(s.app.ClientSecret)), b, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx := lasting(3 * time.Minute)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for ctx.Err() == nil {
					brief, cancel := context.WithTimeout(ctx, time.Second)
					_, _ = client.Presences(brief, s.ids)
					cancel()
					time.Sleep(200 * time.Millisecond)
				}
			})
		}
		group.Wait()
		way.group.Wait()
		stats := s.sim.Stats()
		if stats.MaxInWindow > limit || stats.Apps[0].Arrivals < 2*limit {
			t.Errorf("%d requests arrived, %d in one window, want %d at most and some windows", stats.Apps[0].Arrivals, stats.MaxInWindow, limit)
		}
	})
}
