package publisher_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestOwnerMessageTellsEverything(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, _ := owned(t, log, "a")
	p := newPeople()
	b := p.become("Away", "Away", userID(1), userID(2))
	b.Ledger = presence.Ledger{Completed: []int{3, 0, 2}, InFlight: 1, Reserved: 400}
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
