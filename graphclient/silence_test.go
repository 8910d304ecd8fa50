package graphclient_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/presence"
)

// mute is a connection that a firewall forgets: what is sent vanishes, nothing
// comes any more, and nobody says so.
type mute struct {
	net.Conn
	silent atomic.Bool
}

func (m *mute) Write(b []byte) (int, error) {
	if m.silent.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// A tenant must not stay blind until TCP gives up, a quarter of an hour later.
func TestSilentConnectionIsLeft(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"h2", "http/1.1"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				wires := newWires(t, protocol)
				wires.serve(t, "login.test", w)
				wires.serve(t, "graph.test", w)
				var dialled []*mute
				transport := wires.transport(t, func(conn net.Conn) net.Conn {
					dialled = append(dialled, &mute{Conn: conn})
					return dialled[len(dialled)-1]
				})
				r := wires.rig(t, w, setting{transport: transport})
				if answers, err := r.Presences(t.Context(), users(3)); err != nil || len(answers) != 3 {
					t.Fatalf("Presences = %v, %v, want three answers", answers, err)
				}
				for _, conn := range dialled {
					conn.silent.Store(true)
				}
				start := time.Now()
				for time.Since(start) < 20*time.Minute {
					ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
					_, err := r.Presences(ctx, users(3))
					cancel()
					if err == nil {
						break
					}
					blindBy(t, err, presence.CauseUnreachable)
					time.Sleep(time.Second)
				}
				if blind := time.Since(start); blind > 30*time.Second {
					t.Errorf("blind for %v, want two sweeps at most", blind)
				}
			})
		})
	}
}
