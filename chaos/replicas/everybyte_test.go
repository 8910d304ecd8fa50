//go:build replicas

package replicas_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"presenced/audit"
	"presenced/presence"
	"presenced/publisher"
)

// TestEveryByte cuts the connection of an append after every byte of it, and after
// every byte of the server's reply. Wherever it breaks, the event is in the log once.
// The batch is as small as one can be, an owner message and an event, because every
// byte more costs an append.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	// Only connections break here, so that the disk need not be waited for. A batch
	// that broke off stays open for a while, and by default there may be 50 of them.
	r := &rig{t: t, nats: startNATS(t, 1, "sync_interval: 2m, limits: {batch: {max_inflight_per_stream: 5000, max_inflight_total: 5000, timeout: 3s}}")}
	r.js = r.nats.connect(t)
	url := r.nats.servers[0].url()
	openLog(t, url, publisher.ManageCreate)
	want := 0
	for direction, name := range []string{"to the server", "from the server"} {
		cuts, length := cutEverywhere(t, url, direction)
		t.Logf("%s: %d bytes, %d cuts, one before and after each of them", name, length, cuts)
		if cuts <= length || length < 50 {
			t.Errorf("%s: %d cuts of an append of %d bytes: some were left out", name, cuts, length)
		}
		want += cuts
	}
	byTenant := make(map[string][]string)
	s := r.read(t, openLog(t, url, publisher.ManageOff))
	for _, l := range s.lines {
		byTenant[l.Event.Tenant] = append(byTenant[l.Event.Tenant], brief(l))
	}
	const sound = "1 snapshot Busy"
	for tenant, events := range byTenant {
		if got := strings.Join(events, ", "); got != sound {
			t.Errorf("%s: the log says %s, want %s", tenant, got, sound)
		}
	}
	if len(byTenant) < want {
		t.Errorf("%d tenants in the log, want one for each of %d cuts", len(byTenant), want)
	}
}

func brief(l audit.Line) string {
	e := l.Event
	text := fmt.Sprintf("%d %s", e.Revision, e.Kind)
	if e.After != nil {
		text += " " + e.After.Availability
	}
	return text
}

// cutEverywhere makes one append after the other, each cut a byte later, until some
// are over before they are cut. It returns how many were cut, and the length of the
// shortest that was not.
func cutEverywhere(t *testing.T, url string, direction int) (cuts, length int) {
	var mu sync.Mutex
	next, whole := 0, 0
	length = 1 << 20
	more := func() (k int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, whole < 8 && next < length && !t.Failed()
	}
	var appending sync.WaitGroup
	for range 128 {
		appending.Go(func() {
			for k, ok := more(); ok; k, ok = more() {
				cut, passed := appendCut(t, url, direction, k)
				mu.Lock()
				if cut {
					cuts++
				} else {
					whole++
					length = min(length, passed)
				}
				mu.Unlock()
			}
		})
	}
	appending.Wait()
	return cuts, length
}

// appendCut makes one tenant's append whose connection is cut after k bytes.
func appendCut(t *testing.T, url string, direction, k int) (cut bool, passed int) {
	c := startCutter(t, strings.TrimPrefix(url, "nats://"))
	defer c.close()
	conn, log, err := dialLog(t, c.url(), publisher.ManageOff)
	if err != nil {
		t.Errorf("open the log: %v", err)
		return false, 0
	}
	defer conn.Close()
	tenant := fmt.Sprintf("cut-%d-%06d", direction, k)
	chain := publisher.NewChain(log, publisher.ChainConfig{Tenant: tenant, Replica: "r", Timeout: time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := acquire(ctx, chain); err != nil {
		t.Errorf("%s: %v", tenant, err)
		return false, 0
	}
	words := presence.Presence{Availability: "Busy", Activity: "Busy"}
	event, _ := presence.Rule{Tenant: tenant}.Diff(presence.State{}, presence.Answer{User: "00000001-0000-4000-8000-000000000001", Presence: words, Asked: time.Now(), At: time.Now()})
	c.arm(direction, k)
	if err := appendUntilKnown(ctx, chain, presence.Batch{Events: []*presence.Event{event}, Summary: presence.Summary{Roster: 1}}); err != nil {
		t.Errorf("%s: %v", tenant, err)
	}
	cut, passed = c.disarm(direction)
	if !cut && passed >= k {
		t.Errorf("%s: %d bytes passed and it was not cut", tenant, passed)
	}
	return cut, passed
}

// acquire takes the tenant over, as often as it takes.
func acquire(ctx context.Context, c *publisher.Chain) error {
	for {
		seen, err := c.Owner(ctx)
		if err == nil {
			_, err = c.Acquire(ctx, seen, presence.Ledger{})
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		rest(ctx, 10*time.Millisecond)
	}
}

// appendUntilKnown is what the worker does: the same batch until it is known to be
// stored.
func appendUntilKnown(ctx context.Context, c *publisher.Chain, b presence.Batch) error {
	for {
		err := c.Append(ctx, b)
		if err == nil || errors.Is(err, presence.ErrDeposed) || ctx.Err() != nil {
			return err
		}
		rest(ctx, 10*time.Millisecond)
	}
}

func openLog(t *testing.T, url string, manage publisher.Manage) *publisher.Log {
	t.Helper()
	conn, log, err := dialLog(t, url, manage)
	if err != nil {
		t.Fatalf("open the log: %v", err)
	}
	t.Cleanup(conn.Close)
	return log
}

func dialLog(t *testing.T, url string, manage publisher.Manage) (*publisher.Connection, *publisher.Log, error) {
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), URL: url, Options: []nats.Option{
		nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0), // thousands of cuts
	}}, zap.NewNop())
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.AwaitConnected(ctx); err != nil {
		conn.Close()
		return nil, nil, err
	}
	log, _, err := publisher.Open(ctx, conn, publisher.Config{Prefix: "presence", Stream: streamName, History: 720 * time.Hour, Replicas: 1, Manage: manage})
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, log, nil
}
