package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// reborn is a process of the daemon, as far as a loss is concerned.
type reborn struct {
	server *natsembed.Server
	conn   *publisher.Connection
	log    *publisher.Log
}

func bear(t *testing.T, dir string) *reborn {
	t.Helper()
	server, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), Server: server}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	log, _, err := publisher.Open(t.Context(), conn, publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageCreate})
	if err != nil {
		t.Fatal(err)
	}
	r := &reborn{server, conn, log}
	t.Cleanup(r.end)
	return r
}

func (r *reborn) end() {
	r.conn.Close()
	r.server.Close()
}

// crash gives the process after this one: the store is as a kill leaves it now.
func (r *reborn) crash(t *testing.T, harm func(dir string)) *reborn {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(r.server.StoreDir())); err != nil {
		t.Fatal(err)
	}
	r.end()
	harm(dir)
	return bear(t, dir)
}

func (r *reborn) chain(tenant string) *afterLoss {
	return &afterLoss{
		Chain: publisher.NewChain(r.log, publisher.ChainConfig{Tenant: tenant, Replica: r.server.StoreDir(), Embedded: true}),
		lost:  r.server.Lost("PRESENCE", tenant), told: func() { r.server.Told("PRESENCE", tenant) },
	}
}

// acquire takes the tenant over.
func acquire(t *testing.T, c *afterLoss) presence.Owner {
	t.Helper()
	seen, err := c.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := c.Acquire(t.Context(), seen, presence.Ledger{})
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// checks has what is written now be on disk as far as the mark is concerned.
func (r *reborn) checks(t *testing.T) {
	t.Helper()
	for range 2 {
		if err := r.server.CheckStore(); err != nil {
			t.Fatal(err)
		}
	}
}

// history writes a user's first events for each tenant.
func (r *reborn) history(t *testing.T, tenants ...string) {
	t.Helper()
	for _, tenant := range tenants {
		c := r.chain(tenant)
		own := acquire(t, c)
		sum, last := own.Summary, presence.State{}
		for revision := uint64(1); revision <= 4; revision++ {
			activity := []string{"InACall", "Presenting"}[revision%2]
			e, next := presence.Rule{Tenant: tenant}.Diff(last, presence.Answer{
				User: "00000000-0000-4000-8000-000000000001", Presence: presence.Presence{Availability: "Busy", Activity: activity}, Asked: time.Now(), At: time.Now()})
			if err := c.Append(t.Context(), presence.Batch{Events: []*presence.Event{e}, Summary: sum}); err != nil {
				t.Fatal(err)
			}
			sum, last = sum.Replace(e.User, last, next), next
			sum.Roster = 1
		}
	}
	r.checks(t)
}

// cutLog takes the end of the log away.
func cutLog(t *testing.T, dir string) {
	t.Helper()
	msgs := filepath.Join(dir, "jetstream", "$G", "streams", "PRESENCE", "msgs")
	block := filepath.Join(msgs, "1.blk")
	info, err := os.Stat(block)
	if err == nil {
		err = os.Truncate(block, info.Size()-100)
	}
	if err == nil {
		err = os.RemoveAll(filepath.Join(msgs, "index.db"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Who owns a tenant from elsewhere did not die with the server, and is not taken for
// one who did: or two would ask.
func TestLossLeavesAnOwnerElsewhereAlone(t *testing.T) {
	t.Parallel()
	first := bear(t, t.TempDir())
	first.history(t, "one")
	r := first.crash(t, func(dir string) { cutLog(t, dir) })
	elsewhere := publisher.NewChain(r.log, publisher.ChainConfig{Tenant: "one", Replica: "elsewhere"})
	seen, err := elsewhere.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Acquire(t.Context(), seen, presence.Ledger{}); err != nil {
		t.Fatal(err)
	}
	o, err := r.chain("one").Owner(t.Context())
	if err != nil || o.Replica != "elsewhere" || o.Embedded {
		t.Errorf("the owner is %+v, %v", o, err)
	}
	if o.Ledger.Reserved < 1<<30 {
		t.Errorf("%d requests are charged to the predecessor, want all of the limit", o.Ledger.Reserved)
	}
}

// A process that dies after its log was found to have lost its end leaves the loss
// to the next one, until the log says of each tenant that its state is not to be
// believed.
func TestLossOutlivesCrashes(t *testing.T) {
	t.Parallel()
	first := bear(t, t.TempDir())
	first.history(t, "one", "two")
	r := first.crash(t, func(dir string) { cutLog(t, dir) })

	beat := func(s func(presence.Owner) presence.Summary) func(*afterLoss, presence.Owner) error {
		return func(c *afterLoss, own presence.Owner) error {
			return c.Append(context.Background(), presence.Batch{Summary: s(own)})
		}
	}
	asItWas := func(own presence.Owner) presence.Summary { return own.Summary }
	risen := func(own presence.Owner) presence.Summary { // as the worker makes of a state that is not intact
		return presence.Summary{Roster: 1, Revision: own.Summary.Revision + 1, Floor: own.Summary.Revision + 1}
	}
	var floor uint64
	for _, step := range []struct {
		when    string
		do      func(*afterLoss, presence.Owner) error
		checked bool
		over    bool // the loss is dealt with
	}{
		{when: "a start"},
		{when: "a start, and checks", checked: true},
		{when: "a load", do: func(c *afterLoss, own presence.Owner) error {
			_, err := c.Load(context.Background(), own)
			return err
		}, checked: true},
		{when: "a heartbeat beside a load", do: beat(asItWas), checked: true},
		{when: "the floor, not yet on disk for sure", do: beat(risen)},
		{when: "the floor", do: beat(risen), checked: true, over: true},
	} {
		if step.do != nil {
			c := r.chain("one")
			own := acquire(t, c)
			if own.Summary.Revision < 4 {
				t.Errorf("before %s: revisions go on from %d, and 4 was given out", step.when, own.Summary.Revision)
			}
			if err := step.do(c, own); err != nil {
				t.Fatal(err)
			}
			floor = own.Summary.Revision
		}
		if step.checked {
			r.checks(t)
		}
		r = r.crash(t, func(string) {})
		for tenant, told := range map[string]bool{"one": step.over, "two": false} {
			c := r.chain(tenant)
			if seen, err := c.Owner(t.Context()); err != nil || told != (seen.Ledger.Reserved == 0) || !told && !seen.Embedded {
				t.Errorf("killed after %s: the owner of %s is %+v, %v, told of the loss: %v; want one who may have asked for all of the limit until then", step.when, tenant, seen, err, told)
			}
			own := acquire(t, c)
			loaded, err := c.Load(t.Context(), own)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Intact != told {
				t.Errorf("killed after %s: tenant %s believes what it loads: %v, want %v", step.when, tenant, loaded.Intact, told)
			}
			if told && own.Summary.Floor <= floor {
				t.Errorf("killed after %s: tenant %s believes revisions above %d, want above %d", step.when, tenant, own.Summary.Floor, floor)
			}
		}
	}
}
