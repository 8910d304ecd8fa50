package publisher_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/presence"
	"presenced/publisher"
)

// What the table lost, though the log has it, is put back by the next load, for
// everybody who reads the table.
func TestLoadMendsTheTable(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2), userID(3), userID(4)))
	mustAppend(t, c, p.become("Busy", "Busy", userID(2)))
	mustAppend(t, c, p.leave(userID(3)))
	mustAppend(t, c, p.beat())
	awaitTable(t, log, own)
	js := rawJetStream(t, srv)
	entry := func(i int) string { return "$KV.presence.contoso." + string(userID(i)) }
	stand := func(i int) *jetstream.RawStreamMsg {
		s, err := js.Stream(t.Context(), "KV_presence")
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetLastMsgForSubject(t.Context(), entry(i))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	busy, left := stand(2), stand(3)
	erase(t, js, "KV_presence", entry(2)) // lost
	erase(t, js, "KV_presence", entry(3))
	_, err := js.Publish(t.Context(), entry(4), []byte("hello")) // somebody else's
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, c, p.become("Busy", "Busy", userID(1))) // the table goes on without them
	mustAppend(t, c, p.beat())
	for e := (presence.Event{}); e.Revision < 2; {
		if e, err = log.Get(t.Context(), tenant, userID(1)); err != nil {
			t.Fatal(err)
		}
	}
	written := len(read(t, log))

	states, intact := load(t, log, "b")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("intact %t, states (-want +got):\n%s", intact, diff)
	}
	awaitTable(t, log, own)
	if diff := cmp.Diff(string(busy.Data), string(stand(2).Data)); diff != "" {
		t.Errorf("entry that was put back (-want +got):\n%s", diff)
	}
	if got := stand(3).Header.Get("KV-Operation"); got != left.Header.Get("KV-Operation") || got == "" {
		t.Errorf("operation of who left is %q", got)
	}
	kv, err := js.KeyValue(t.Context(), "presence")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(t.Context(), "contoso."+string(userID(3))); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("key of who left: %v, want %v", err, jetstream.ErrKeyNotFound)
	}
	if e, err := log.Get(t.Context(), tenant, userID(4)); err != nil || e.After.Availability != "Available" {
		t.Errorf("entry that was overwritten: %+v, %v", e, err)
	}
	if n := len(read(t, log)); n != written {
		t.Errorf("%d events in the log, want the same %d", n, written)
	}
	c, _ = owned(t, log, "c") // and the table goes on
	mustAppend(t, c, p.become("Away", "Away", userID(2)))
	awaitTable(t, log, own)
}

// A newer entry is never replaced by an older one: not by a replica that was deposed
// in its load either.
func TestMendingNeverGoesBack(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1)))
	old := p.known()
	mustAppend(t, c, p.become("Busy", "Busy", userID(1)))
	awaitTable(t, log, own)

	n, err := publisher.Mend(t.Context(), log, tenant, old, map[presence.UserID]uint64{userID(1): 3})
	if err != nil || n != 0 {
		t.Errorf("put back %d entries, %v; want none", n, err)
	}
	if e, err := log.Get(t.Context(), tenant, userID(1)); err != nil || e.After.Availability != "Busy" {
		t.Errorf("entry = %+v, %v; want Busy", e, err)
	}
	if done, err := publisher.Put(t.Context(), log, tenant, userID(1), 3, 1); err != nil || done {
		t.Errorf("an entry that was replaced meanwhile was overwritten: %t, %v", done, err)
	}
}
