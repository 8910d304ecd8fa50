package graphclient_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
	"presenced/presence"
)

// A process that is stopped while it dials finds a connection when it wakes, and
// no permit any more: its tenant may have another owner, and the budget with it.
func TestNothingIsSentOnAConnectionThatCameTooLate(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http/1.1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				wires := newWires(t, protocol)
				wires.serve(t, "login.test", w)
				wires.serve(t, "graph.test", w)
				transport := wires.transport(t, nil)
				dial, stopped := transport.DialContext, 2*time.Second
				transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if address == "graph.test:443" {
						time.Sleep(stopped)
					}
					return dial(ctx, network, address)
				}
				r := wires.rig(t, w, setting{transport: transport})
				permit := func(span time.Duration) { r.budget.Permit(presence.Ledger{Reserved: 10}, time.Hour+span) }

				permit(time.Second)
				_, err := r.Presences(t.Context(), users(1))
				if blindBy(t, err, presence.CauseNATS); !errors.Is(err, graphclient.ErrUnpermitted) {
					t.Errorf("Presences = %v, want that there is no permit", err)
				}
				if sent := r.budget.Ledger().Sent; w.requests.Load() != 0 || sent != 1 {
					t.Errorf("%d requests arrived of %d that were admitted, want none of one", w.requests.Load(), sent)
				}

				// A permit that was renewed meanwhile is as good.
				permit(3 * time.Second)
				time.AfterFunc(time.Second, func() { permit(time.Minute) })
				if _, err := r.Presences(t.Context(), users(1)); err != nil || w.requests.Load() != 1 {
					t.Errorf("Presences = %v, and %d requests arrived, want one", err, w.requests.Load())
				}
			})
		})
	}
}
