package publisher_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

func TestAppendWritesEventsInOrder(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, _ := owned(t, log, "a")
	p := newPeople()
	u, v := userID(1), userID(2)
	mustAppend(t, c, p.become("Available", "Available", u, v))
	mustAppend(t, c, p.become("Busy", "InACall", u))
	mustAppend(t, c, p.leave(v))

	var got []string
	for _, e := range read(t, log) {
		got = append(got, e.Subject("presence")+" "+e.ID())
	}
	want := []string{
		"presence.contoso.user." + string(u) + ".snapshot.Available.Available contoso/" + string(u) + "/1",
		"presence.contoso.user." + string(v) + ".snapshot.Available.Available contoso/" + string(v) + "/1",
		"presence.contoso.user." + string(u) + ".change.Busy.InACall contoso/" + string(u) + "/2",
		"presence.contoso.user." + string(v) + ".left contoso/" + string(v) + "/2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestOnlyOneOwnerWrites(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	first, _ := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, first, p.become("Available", "Available", userID(1)))

	second, own := owned(t, log, "b") // takes over while the first is alive
	if own.Epoch != 2 {
		t.Errorf("epoch = %d after one take-over, want 2", own.Epoch)
	}
	late := p.become("Busy", "Busy", userID(1))
	if err := first.Append(t.Context(), late); !errors.Is(err, presence.ErrDeposed) {
		t.Errorf("append by the old owner: %v, want %v", err, presence.ErrDeposed)
	}
	mustAppend(t, second, late)
	if n := len(read(t, log)); n != 2 {
		t.Errorf("%d events in the log, want 2", n)
	}
}

func TestAcquireIsWonOnce(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	a, b := newChain(log, "a"), newChain(log, "b")
	seen, err := a.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Acquire(t.Context(), seen, presence.Ledger{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Acquire(t.Context(), seen, presence.Ledger{}); !errors.Is(err, presence.ErrDeposed) {
		t.Errorf("second acquire of the same owner: %v, want %v", err, presence.ErrDeposed)
	}
}

// An acquire that was given up may be stored after all, while the next one is under
// way. It is the same replica's and of the same epoch, but not the same message.
func TestLateAcquireIsNotTakenForTheNext(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c := newChain(log, "a")
	first := presence.Ledger{Reserved: 1}
	n := publisher.Doubt(c, "", 0) // an acquire that got no answer
	putOwner(t, srv, log, presence.Owner{Replica: "a", Epoch: 1, N: n, Ledger: first})

	own, err := c.Acquire(t.Context(), presence.Owner{}, presence.Ledger{Reserved: 2})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := c.Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if own.Ledger.Reserved != 2 || seen.Ledger.Reserved != 2 || own.Sequence != seen.Sequence {
		t.Errorf("acquired with %+v, the log says %+v; want 2 reserved in both", own, seen)
	}
	mustAppend(t, c, newPeople().become("Busy", "Busy", userID(1)))
}

// putOwner writes an owner message past every chain.
func putOwner(t *testing.T, srv *natsembed.Server, log *publisher.Log, o presence.Owner) {
	t.Helper()
	data, err := json.Marshal(o)
	if err == nil {
		_, err = rawJetStream(t, srv).Publish(t.Context(), publisher.OwnerSubject(log, tenant), data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOwnerMessageTellsEverything(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, _ := owned(t, log, "a")
	p := newPeople()
	b := p.become("Away", "Away", userID(1), userID(2))
	b.Ledger = presence.Ledger{Completed: []int{3, 0, 2}, InFlight: 1, Reserved: 400, Held: 61}
	b.Release = true
	mustAppend(t, c, b)

	got, err := newChain(log, "b").Owner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := presence.Owner{Sequence: got.Sequence, Replica: "a", Epoch: 1, N: 2, Released: true, Ledger: b.Ledger, Summary: b.Summary}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owner message (-want +got):\n%s", diff)
	}
}

func TestTooManyEventsAreRefused(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, _ := owned(t, log, "a")
	var b presence.Batch
	p := newPeople()
	for i := range presence.MaxBatch + 1 {
		b.Events = append(b.Events, p.become("Busy", "Busy", userID(i)).Events...)
	}
	if err := c.Append(t.Context(), b); err == nil {
		t.Error("1,000 events beside the owner message were taken")
	}
	b.Events = b.Events[:presence.MaxBatch]
	mustAppend(t, c, b)
	if n := len(read(t, log)); n != presence.MaxBatch {
		t.Errorf("%d events in the log, want %d", n, presence.MaxBatch)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Busy", "Busy", userID(1), userID(2)))
	mustAppend(t, c, p.leave(userID(2)))
	awaitTable(t, log, own)

	e, err := log.Get(t.Context(), tenant, userID(1))
	if err != nil || e.After.Availability != "Busy" {
		t.Errorf("Get = %+v, %v; want Busy", e, err)
	}
	if e, err := log.Get(t.Context(), tenant, userID(2)); err != nil || e.Kind != presence.KindLeft {
		t.Errorf("Get of who left = %+v, %v; want kind left", e, err)
	}
	if _, err := log.Get(t.Context(), tenant, userID(3)); !errors.Is(err, publisher.ErrNoUser) {
		t.Errorf("Get of a stranger: %v, want %v", err, publisher.ErrNoUser)
	}
}
