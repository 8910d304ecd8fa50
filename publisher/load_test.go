package publisher_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// awaitTable returns once the server has filled the table from the whole log.
func awaitTable(tb testing.TB, log *publisher.Log, _ presence.Owner) {
	tb.Helper()
	want := map[presence.UserID]uint64{}
	for _, e := range read(tb, log) {
		want[e.User] = e.Revision
	}
	for tb.Context().Err() == nil {
		got := map[presence.UserID]uint64{}
		if err := log.Table(tb.Context(), "*", func(e presence.Event) { got[e.User] = e.Revision }); err != nil {
			tb.Fatal(err)
		}
		if maps.Equal(got, want) {
			return
		}
	}
	tb.Fatal("the table never caught up")
}

// load takes the tenant over as a fresh replica and loads it.
func load(tb testing.TB, log *publisher.Log, replica string) (map[presence.UserID]presence.State, bool) {
	tb.Helper()
	c, own := owned(tb, log, replica)
	l, err := c.Load(tb.Context(), own)
	if err != nil {
		tb.Fatal(err)
	}
	return l.States, l.Intact
}

// known is the states as a log can give them back.
func (p *people) known() map[presence.UserID]presence.State {
	m := maps.Clone(p.states)
	for u, s := range m {
		s.Confirmed = s.Since
		m[u] = s
	}
	return m
}

func TestLoadGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]bool{"table filled": true, "table still behind": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := openLog(t, startServer(t))
			c, own := owned(t, log, "a")
			p := newPeople()
			var all []presence.UserID
			for i := range 900 {
				all = append(all, userID(i))
			}
			mustAppend(t, c, p.become("Available", "Available", all...))
			if settle {
				awaitTable(t, log, own)
			}
			mustAppend(t, c, p.become("Busy", "InAMeeting", all[100:200]...))
			mustAppend(t, c, p.leave(all[:50]...))

			states, intact := load(t, log, "b")
			if !intact {
				t.Error("states do not add up")
			}
			if diff := cmp.Diff(p.known(), states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadOfAnEmptyLog(t *testing.T) {
	t.Parallel()
	states, intact := load(t, openLog(t, startServer(t)), "a")
	if len(states) != 0 || !intact {
		t.Errorf("load = %d states, intact %t; want none, intact", len(states), intact)
	}
}

func TestLoadKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	log := openLog(t, startServer(t))
	c, _ := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Busy", "Busy", userID(1)))

	other := publisher.NewChain(log, publisher.ChainConfig{Tenant: "contoso-2", Replica: "a"})
	own, err := other.Acquire(t.Context(), presence.Owner{}, presence.Ledger{})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := other.Load(t.Context(), own); err != nil || len(l.States) != 0 || !l.Intact {
		t.Errorf("load of the other tenant = %+v, %v; want nothing, intact", l, err)
	}
}

// Messages that vanish from the table are found in the log; messages that vanish
// from both are noticed.
func TestLoadNoticesDamage(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	log := openLog(t, server)
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2), userID(3)))
	mustAppend(t, c, p.become("Busy", "Busy", userID(2)))
	mustAppend(t, c, p.beat()) // from now on the change is on record
	awaitTable(t, log, own)
	js := rawJetStream(t, server)

	erase(t, js, "KV_presence", "$KV.presence.contoso."+string(userID(2)))
	states, intact := load(t, log, "b")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("after damage to the table: intact %t, states (-want +got):\n%s", intact, diff)
	}

	erase(t, js, "PRESENCE", "presence.contoso.user."+string(userID(2))+".change.>")
	if _, intact := load(t, log, "c"); intact {
		t.Error("a lost event went unnoticed")
	}
}

// The table may have lost one user while the log has forgotten another by age: each
// has what the other lacks.
func TestLoadTakesFromTableAndLogTogether(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	log := openLog(t, server)
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2)))
	mustAppend(t, c, p.beat())
	awaitTable(t, log, own)
	js := rawJetStream(t, server)
	erase(t, js, "KV_presence", "$KV.presence.contoso."+string(userID(1)))
	erase(t, js, "PRESENCE", "presence.contoso.user."+string(userID(2))+".>")

	states, intact := load(t, log, "b")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("intact %t, states (-want +got):\n%s", intact, diff)
	}
}

// A table that somebody deleted is missed by the next load, which says what to do:
// whoever starts makes it anew, of all that the log has, and loads before it is filled.
func TestDeletedTable(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	log := openLog(t, server)
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2), userID(3)))
	awaitTable(t, log, own)
	if err := rawJetStream(t, server).DeleteStream(t.Context(), "KV_presence"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, c, p.become("Busy", "Busy", userID(2)))
	mustAppend(t, c, p.leave(userID(3)))
	mustAppend(t, c, p.beat())
	c, own = owned(t, log, "b")
	_, err := c.Load(t.Context(), own)
	if err == nil || !strings.Contains(err.Error(), "KV_presence") || !strings.Contains(err.Error(), "restart presenced") {
		t.Errorf("load without the table: %v, want it named, and what to do", err)
	}
	written := len(read(t, log))

	log = openLog(t, server)
	states, intact := load(t, log, "c")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("after a restart: intact %t, states (-want +got):\n%s", intact, diff)
	}
	awaitTable(t, log, own)
	states, intact = load(t, log, "d")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("from the table made anew: intact %t, states (-want +got):\n%s", intact, diff)
	}
	if n := len(read(t, log)); n != written {
		t.Errorf("%d events in the log, want the same %d", n, written)
	}
}

func TestLoadPassesOverForeignMessages(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	log := openLog(t, server)
	c, own := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2)))
	awaitTable(t, log, own)
	js := rawJetStream(t, server)
	for _, payload := range []string{"", "hello", `{"specversion":"1.0"}`, "\xff\xfe", `{"data":{"revision":99}}`} {
		if _, err := js.Publish(t.Context(), "presence.contoso.user."+string(userID(1))+".change.Busy.Busy", []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	states, intact := load(t, log, "b")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("intact %t, states (-want +got):\n%s", intact, diff)
	}
}

// Who may write elsewhere in the log, as for another tenant, changes nothing here:
// neither with an event that was copied nor with one that is forged.
func TestLoadPassesOverEventsInAnotherPlace(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"presence.copies.x", "presence.fabrikam.user." + string(userID(1)) + ".change.Offline.Offline", "presence.contoso.user." + string(userID(2)) + ".change.Offline.Offline"} {
		for name, forge := range map[string]bool{"copied": false, "forged": true} {
			t.Run(place+" "+name, func(t *testing.T) {
				t.Parallel()
				server := startServer(t)
				log := openLog(t, server)
				c, own := owned(t, log, "a")
				p := newPeople()
				written := p.become("Available", "Available", userID(1), userID(2))
				mustAppend(t, c, written)
				awaitTable(t, log, own)
				e := written.Events[0]
				if forge {
					again := newPeople()
					again.states = maps.Clone(p.states)
					e = again.become("Offline", "Offline", userID(1)).Events[0]
				}
				payload, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := rawJetStream(t, server).Publish(t.Context(), place, payload); err != nil {
					t.Fatal(err)
				}
				states, intact := load(t, log, "b")
				if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
					t.Errorf("intact %t, states (-want +got):\n%s", intact, diff)
				}
			})
		}
	}
}

func rawJetStream(tb testing.TB, s *natsembed.Server) jetstream.JetStream {
	tb.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	return js
}

func erase(tb testing.TB, js jetstream.JetStream, stream, subject string) {
	tb.Helper()
	s, err := js.Stream(tb.Context(), stream)
	if err == nil {
		err = s.Purge(tb.Context(), jetstream.WithPurgeSubject(subject))
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func TestRestartKeepsState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func() *natsembed.Server {
		s, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir, MaxStore: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	server := start()
	log := openLog(t, server)
	c, _ := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2)))
	server.Close()

	states, intact := load(t, openLog(t, start()), "b")
	if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
		t.Errorf("intact %t, states (-want +got):\n%s", intact, diff)
	}
}

func BenchmarkLoad10k(b *testing.B) {
	log := openLog(b, startServer(b))
	c, own := owned(b, log, "a")
	p := newPeople()
	var users []presence.UserID
	for i := range 10_000 {
		users = append(users, userID(i))
	}
	for part := range slices.Chunk(users, presence.MaxBatch) {
		mustAppend(b, c, p.become("Available", "Available", part...))
	}
	awaitTable(b, log, own)
	c, own = owned(b, log, "b")
	for b.Loop() {
		if l, err := c.Load(b.Context(), own); err != nil || !l.Intact || len(l.States) != 10_000 {
			b.Fatalf("load = %d states, intact %t, %v", len(l.States), l.Intact, err)
		}
	}
}

// BenchmarkAppend10k appends 10,000 changes in durable batches.
func BenchmarkAppend10k(b *testing.B) {
	log := openLog(b, startServer(b))
	c, _ := owned(b, log, "a")
	p := newPeople()
	var users []presence.UserID
	for i := range 10_000 {
		users = append(users, userID(i))
	}
	words := []string{"Available", "Busy"}
	turn := 0
	start := time.Now()
	for b.Loop() {
		turn++
		for part := range slices.Chunk(users, presence.MaxBatch) {
			mustAppend(b, c, p.become(words[turn%2], words[turn%2], part...))
		}
	}
	b.ReportMetric(float64(turn*10_000)/time.Since(start).Seconds(), "events/s")
}
