package presence_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"presenced/presence"
)

// life is one user as an owner remembers it, and the log as a reader of it does.
type life struct {
	rule    presence.Rule
	last    presence.State
	summary presence.Summary
	clock   time.Duration
	fields  [3]bool // which of the optional ones are collected

	events  []presence.Event
	told    presence.State   // folded from the events alone
	toldSum presence.Summary // from Event.Past and Event.State alone
}

// TestEventsAreTheState: whatever happens to a user, the events alone tell the
// state, the chain of revisions and of befores, and the checksum.
func TestEventsAreTheState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &life{rule: presence.Rule{Tenant: "contoso", GapAfter: 30 * time.Second}}
		t.Repeat(map[string]func(*rapid.T){
			"answer":  l.answer,
			"switch":  func(t *rapid.T) { l.fields[rapid.IntRange(0, 2).Draw(t, "field")] = rapid.Bool().Draw(t, "collected") },
			"leave":   l.leave,
			"restart": l.restart,
			"loss":    l.loss,
			"":        l.check,
		})
	})
}

func (l *life) answer(t *rapid.T) {
	a := l.drawn(t)
	before := l.rule.Trusted(l.last)
	e, next := l.rule.Diff(l.last, a)
	if e == nil {
		if l.last.Seen() && next.Presence != before.Presence && next.Presence.SequenceNumber == before.Presence.SequenceNumber {
			t.Fatalf("state moved to %+v without an event", next)
		}
		if next.Revision != before.Revision {
			t.Fatalf("revision moved to %d without an event", next.Revision)
		}
		if before.Seen() {
			l.last = next
		}
		l.wantNothingNew(t, before, a)
		return
	}
	if e.After.SequenceNumber != "" && before.Seen() && before.Presence.SequenceNumber != "" && e.After.SequenceNumber < before.Presence.SequenceNumber {
		t.Fatalf("an older answer (%s) undid %s", e.After.SequenceNumber, before.Presence.SequenceNumber)
	}
	l.write(t, e, next)
}

// wantNothingNew: no event means that the answer says nothing that the state does
// not say, or that it is older.
func (l *life) wantNothingNew(t *rapid.T, before presence.State, a presence.Answer) {
	p, q := before.Presence, a.Presence
	if p.SequenceNumber != "" && q.SequenceNumber != "" && q.SequenceNumber < p.SequenceNumber {
		if before != l.last {
			t.Fatalf("an older answer moved the state from %+v to %+v", before, l.last)
		}
		return
	}
	if p.Availability != q.Availability || p.Activity != q.Activity {
		t.Fatalf("%+v after %+v is no event", q, p)
	}
	for name, pair := range map[string][2]string{
		"statusMessage": {shown(p.StatusMessage), shown(q.StatusMessage)},
		"outOfOffice":   {shown(p.OutOfOffice), shown(q.OutOfOffice)},
		"workLocation":  {shown(p.WorkLocation), shown(q.WorkLocation)},
	} {
		if pair[1] != "absent" && pair[0] != pair[1] {
			t.Fatalf("%s was %s, became %s, and that is no event", name, pair[0], pair[1])
		}
	}
}

func shown[T any](p *T) string {
	if p == nil {
		return "absent"
	}
	return fmt.Sprintf("%+v", *p)
}

func (l *life) leave(t *rapid.T) {
	if !l.last.Seen() {
		t.Skip("nobody there")
	}
	e, next := l.rule.Leave(anna, l.last, at(l.clock))
	l.write(t, e, next)
}

// restart forgets everything and reads the events.
func (l *life) restart(*rapid.T) { l.last, l.summary = l.told, l.toldSum }

// loss is what an owner does that finds its state damaged: see worker.newLastKnown.
func (l *life) loss(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "rarely") > 0 {
		t.Skip("rare")
	}
	if rapid.Bool().Draw(t, "the user's own state is gone") {
		l.last = presence.State{}
	}
	floor := max(l.summary.Revision, l.rule.Floor) + 1
	l.rule.Floor = floor
	l.summary = presence.Summary{Revision: floor, Floor: floor}.Replace(anna, presence.State{}, l.last)
	l.toldSum = presence.Summary{Revision: floor, Floor: floor}.Replace(anna, presence.State{}, l.told)
}

func (l *life) write(t *rapid.T, e *presence.Event, next presence.State) {
	l.summary = l.summary.Replace(anna, l.last, next)
	l.last = next
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	read, err := presence.ParseEvent(payload)
	if err != nil {
		t.Fatalf("%v in %s", err, payload)
	}
	if diff := cmp.Diff(*e, read); diff != "" {
		t.Fatalf("event (-written +read):\n%s", diff)
	}
	l.follows(t, read)
	l.events = append(l.events, read)
	l.toldSum = l.toldSum.Replace(anna, read.Past(), read.State())
	l.told = read.State()
}

// follows holds an event against the one before, as a consumer can.
func (l *life) follows(t *rapid.T, e presence.Event) {
	if len(l.events) == 0 {
		if e.Kind != presence.KindSnapshot || e.Before != nil {
			t.Fatalf("the first event is %+v, want a snapshot", e)
		}
		return
	}
	last := l.events[len(l.events)-1]
	lost := e.Reason == presence.ReasonStateLost
	jumps := lost || e.Kind == presence.KindLeft && l.told.Revision <= l.rule.Floor
	if e.Revision != last.Revision+1 && !(jumps && e.Revision > last.Revision) {
		t.Fatalf("revision %d follows %d, reason %s", e.Revision, last.Revision, e.Reason)
	}
	if e.Observed.At.Before(last.Observed.At) && !lost { // a damaged state's times are not believed either
		t.Fatalf("time went back from %s to %s", last.Observed.At, e.Observed.At)
	}
	if (e.Before == nil) != (lost || last.Kind == presence.KindLeft) {
		t.Fatalf("before is %+v in a %s with reason %s after a %s", e.Before, e.Kind, e.Reason, last.Kind)
	}
	if e.Before == nil {
		return
	}
	before, after := e.Before.Presence, *last.After
	before.SequenceNumber, after.SequenceNumber = "", "" // it moves without an event
	if diff := cmp.Diff(after, before); diff != "" || !e.Before.Since.Equal(last.Observed.At) {
		t.Fatalf("before is not the last after (-after +before):\n%s", diff)
	}
	if e.Kind == presence.KindSnapshot && (len(e.Changed) > 0 || e.After.Availability != before.Availability || e.After.Activity != before.Activity) {
		t.Fatalf("a snapshot tells a change: %+v", e)
	}
	if (e.Kind == presence.KindChange) != (len(e.Changed) > 0) {
		t.Fatalf("%s with changed %v", e.Kind, e.Changed)
	}
}

// check is the state of things between any two steps.
func (l *life) check(t *rapid.T) {
	if l.last.Revision <= l.rule.Floor {
		return // not believed, so not compared: it may be gone altogether
	}
	held, told := l.last, l.told
	held.Confirmed, told.Confirmed = time.Time{}, time.Time{}
	held.Presence.SequenceNumber, told.Presence.SequenceNumber = "", ""
	if diff := cmp.Diff(told, held); diff != "" {
		t.Fatalf("state (-the events tell +held):\n%s", diff)
	}
	anew := presence.Summary{Floor: l.rule.Floor}.Replace(anna, presence.State{}, l.told)
	for name, s := range map[string]presence.Summary{"kept by the owner": l.summary, "made from the events": l.toldSum} {
		if s.Checksum != anew.Checksum || s.Users != anew.Users {
			t.Fatalf("the summary %s is %+v, want %+v", name, s, anew)
		}
	}
}

// drawn is an answer of Graph's. Fields that are collected may not be sent all the
// same, the clock may be set back, stamps come in any shape and order.
func (l *life) drawn(t *rapid.T) presence.Answer {
	p := presence.Presence{
		Availability:   rapid.SampledFrom([]string{"Available", "Busy", presence.Unknown}).Draw(t, "availability"),
		SequenceNumber: rapid.SampledFrom([]string{"", "", "A1", "A2", "A99", "A0129311063", "B1"}).Draw(t, "stamp"),
	}
	p.Activity = p.Availability
	text := rapid.SampledFrom([]string{"", "x", "\u2028<&>\"", "é"})
	if l.fields[0] && rapid.IntRange(0, 3).Draw(t, "message sent") > 0 {
		p.StatusMessage = new(text.Draw(t, "message"))
	}
	if l.fields[1] && rapid.IntRange(0, 3).Draw(t, "reply sent") > 0 {
		p.OutOfOffice = &presence.OutOfOffice{Active: rapid.Bool().Draw(t, "active"), Message: text.Draw(t, "reply")}
	}
	if l.fields[2] && rapid.IntRange(0, 3).Draw(t, "place sent") > 0 {
		p.WorkLocation = &presence.WorkLocation{Type: text.Draw(t, "type"), PlaceID: text.Draw(t, "place")}
	}
	l.clock += time.Duration(rapid.Int64Range(-int64(time.Second), int64(time.Minute)).Draw(t, "passes"))
	return answer(l.clock, p)
}
