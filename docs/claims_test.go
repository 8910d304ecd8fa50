package docs_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"presenced/presence"
	"presenced/publisher"
)

// "Read the log, not the wire": a plain subscription sees a batch that the log
// refuses.
func TestTheWireShowsWhatNeverHappened(t *testing.T) {
	t.Parallel()
	server, log := startLog(t)
	wire := make(chan *nats.Msg, 10)
	nc := connect(t, server)
	if _, err := nc.ChanSubscribe("presence.>", wire); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	old := startTeller(t, log, "a")
	startTeller(t, log, "b")
	e, _ := old.rule.Diff(presence.State{}, presence.Answer{
		User: anna, Presence: presence.Presence{Availability: "Busy", Activity: "Busy"}, Asked: at("09:00:00"), At: at("09:00:00"),
	})
	if err := old.chain.Append(t.Context(), presence.Batch{Events: []*presence.Event{e}}); !errors.Is(err, presence.ErrDeposed) {
		t.Fatalf("append by the old owner: %v, want %v", err, presence.ErrDeposed)
	}
	if m := <-wire; m.Subject != e.Subject("presence") {
		t.Errorf("the wire showed %s, want %s", m.Subject, e.Subject("presence"))
	}
	err := log.Replay(t.Context(), "presence.>", 0, func(r publisher.Record) { t.Errorf("%s is in the log", r.Subject) })
	if err != nil {
		t.Fatal(err)
	}
}

// "The value is the newest event about the person, byte for byte", and who left is
// a marker with the event in it.
func TestTheTableHoldsTheNewestEvents(t *testing.T) {
	t.Parallel()
	s := tell(t)
	newest, entries := map[string]string{}, map[string]string{}
	for _, m := range s.log {
		if e, err := presence.ParseEvent(m.payload); err == nil {
			newest["$KV.presence."+e.Tenant+"."+string(e.User)] = string(m.payload)
		}
	}
	for _, m := range s.table {
		entries[m.subject] = string(m.payload)
	}
	if diff := cmp.Diff(newest, entries); diff != "" {
		t.Errorf("table (-newest in the log +entries):\n%s", diff)
	}
	if last := s.table[len(s.table)-1]; last.header.Get("KV-Operation") != "DEL" {
		t.Errorf("headers of who left are %v, want a marker", last.header)
	}
}

// "Each event must have the revision of the one before plus one", but for a loss.
func TestRevisionsAreUnbroken(t *testing.T) {
	t.Parallel()
	last := map[presence.UserID]uint64{}
	for _, m := range tell(t).log {
		e, err := presence.ParseEvent(m.payload)
		if err != nil {
			continue // a source event
		}
		if e.Revision != last[e.User]+1 && e.Reason != presence.ReasonStateLost {
			t.Errorf("revision %d of %s follows %d", e.Revision, e.User, last[e.User])
		}
		last[e.User] = e.Revision
	}
}

// "When collecting is switched on, the first answer with the field is a snapshot
// that carries before", and its first change is told; "when it is switched off,
// nothing is told: the next event does not have the field any more".
func TestAFieldThatIsSwitchedOn(t *testing.T) {
	t.Parallel()
	rule := presence.Rule{Tenant: tenant}
	var state presence.State
	var told []string
	const off = "-"
	for _, step := range []struct{ availability, message string }{
		{"Busy", off}, {"Busy", "first"}, {"Busy", "first"}, {"Busy", "second"}, {"Away", "second"}, {"Away", off}, {"Busy", off}, {"Away", "third"},
	} {
		p := presence.Presence{Availability: step.availability, Activity: step.availability}
		if step.message != off {
			p.StatusMessage = &step.message
		}
		var e *presence.Event
		e, state = rule.Diff(state, presence.Answer{User: anna, Presence: p, Asked: at("09:00:00"), At: at("09:00:00")})
		if e == nil {
			told = append(told, "nothing")
			continue
		}
		before := "nothing"
		if e.Before != nil {
			before = words(e.Before.Presence)
		}
		told = append(told, string(e.Kind)+" from "+before+" to "+words(*e.After))
	}
	want := []string{
		"snapshot from nothing to Busy", "snapshot from Busy to Busy first", "nothing", "change from Busy first to Busy second",
		"change from Busy second to Away second", "nothing", "change from Away second to Busy", "change from Busy to Away third",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func words(p presence.Presence) string {
	if p.StatusMessage == nil {
		return p.Availability
	}
	return p.Availability + " " + *p.StatusMessage
}
