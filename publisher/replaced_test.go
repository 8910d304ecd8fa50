package publisher_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// replace deletes the log and makes it anew, as another replica that starts would.
func replace(t *testing.T, srv *natsembed.Server) *publisher.Log {
	t.Helper()
	js := rawJetStream(t, srv)
	for _, name := range []string{"KV_presence", "PRESENCE"} {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return openLog(t, srv)
}

func lastSequence(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), "PRESENCE")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// The numbers of a new log start over, and may come to the very one that an old
// owner's condition names.
func TestOldOwnerCannotWriteIntoANewLog(t *testing.T) {
	t.Parallel()
	for name, past := range map[string]int{"numbers behind": -1, "numbers equal": 0, "numbers ahead": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			log := openLog(t, srv)
			old, own := owned(t, log, "old")
			oldPeople := newPeople()
			mustAppend(t, old, oldPeople.beat())
			for range 20 {
				mustAppend(t, old, oldPeople.beat())
			}
			seen, err := old.Owner(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			next := replace(t, srv)
			c, _ := owned(t, next, "new")
			p := newPeople()
			js := rawJetStream(t, srv)
			for int(lastSequence(t, js)) < int(seen.Sequence)+past {
				mustAppend(t, c, p.beat())
			}
			if newest, err := c.Owner(t.Context()); err != nil || past == 0 && newest.Sequence != seen.Sequence {
				t.Fatalf("the new owner's message is at %d, %v; the test wants it at %d", newest.Sequence, err, seen.Sequence)
			}
			before := lastSequence(t, js)

			err = old.Append(t.Context(), oldPeople.become("Busy", "Busy", userID(1)))
			if !errors.Is(err, presence.ErrDeposed) || !errors.Is(err, publisher.ErrReplaced) || !strings.Contains(err.Error(), "restart presenced") {
				t.Errorf("append by the old owner: %v, want %v and %v", err, presence.ErrDeposed, publisher.ErrReplaced)
			}
			if _, err := old.Load(t.Context(), own); err == nil {
				t.Error("the old owner loads its state from a new log")
			}
			if _, err := old.Owner(t.Context()); !errors.Is(err, publisher.ErrReplaced) {
				t.Errorf("owner: %v, want %v", err, publisher.ErrReplaced)
			}
			if _, err := old.Acquire(t.Context(), presence.Owner{}, presence.Ledger{}); !errors.Is(err, publisher.ErrReplaced) {
				t.Errorf("acquire: %v, want %v", err, publisher.ErrReplaced)
			}
			if after := lastSequence(t, js); after != before {
				t.Errorf("the old owner wrote %d messages into the new log", after-before)
			}
			mustAppend(t, c, p.become("Away", "Away", userID(1)))
		})
	}
}

// Whoever stands by when the log is replaced cannot take a tenant over in the new
// one, even with a first owner message, which any log would take.
func TestStandbyCannotAcquireInANewLog(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	standby := newChain(openLog(t, srv), "standby")
	seen, err := standby.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := replace(t, srv)
	c, _ := owned(t, next, "new")
	if _, err := standby.Acquire(t.Context(), seen, presence.Ledger{}); !errors.Is(err, publisher.ErrReplaced) {
		t.Errorf("acquire: %v, want %v", err, publisher.ErrReplaced)
	}
	mustAppend(t, c, newPeople().become("Away", "Away", userID(1)))
}

// The log is itself after its server's restart.
func TestRestartedLogIsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	subject := ""
	for i := range 2 {
		srv, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir, MaxStore: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		log := openLog(t, srv)
		if i == 1 && publisher.OwnerSubject(log, tenant) != subject {
			t.Errorf("owner messages are on %s after a restart, were on %s", publisher.OwnerSubject(log, tenant), subject)
		}
		subject = publisher.OwnerSubject(log, tenant)
		_, own := owned(t, log, "a")
		if own.Epoch != uint64(i+1) {
			t.Errorf("epoch %d, want %d", own.Epoch, i+1)
		}
		srv.Close()
	}
}
