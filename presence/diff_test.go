package presence_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
)

const anna = presence.UserID("0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80")

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return nine.Add(d) }

func is(words ...string) presence.Presence {
	p := presence.Presence{Availability: words[0], Activity: words[0]}
	if len(words) > 1 {
		p.Activity = words[1]
	}
	if len(words) > 2 {
		p.SequenceNumber = words[2]
	}
	return p
}

func withMessage(p presence.Presence, message string) presence.Presence {
	p.StatusMessage = &message
	return p
}

func answer(d time.Duration, p presence.Presence) presence.Answer {
	return presence.Answer{User: anna, Presence: p, Asked: at(d - 100*time.Millisecond), At: at(d)}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	rule := presence.Rule{Tenant: "contoso", GapAfter: 30 * time.Second}
	available := presence.State{Presence: is("Available"), Revision: 41, Since: nine, Confirmed: at(10 * time.Second)}
	text := func(s string) presence.Presence { return withMessage(is("Available"), s) }
	withText := available
	withText.Presence = text("at lunch")
	numbered := available
	numbered.Presence.SequenceNumber = "A0000000005"
	left := available
	left.Left = true

	for name, tc := range map[string]struct {
		last    presence.State
		answer  presence.Answer
		floor   uint64
		kind    presence.Kind // empty: no event
		changed []string
		gap     bool
		reason  presence.Reason
		rev     uint64
	}{
		"first sight":               {presence.State{}, answer(time.Minute, is("Busy")), 0, presence.KindSnapshot, nil, false, presence.ReasonSnapshot, 1},
		"first sight after a loss":  {presence.State{}, answer(time.Minute, is("Busy")), 99, presence.KindSnapshot, nil, false, presence.ReasonStateLost, 100},
		"back after a loss":         {left, answer(time.Minute, is("Available")), 99, presence.KindSnapshot, nil, false, presence.ReasonStateLost, 100},
		"known before a loss":       {available, answer(25*time.Second, is("Available")), 99, presence.KindSnapshot, nil, false, presence.ReasonStateLost, 100},
		"known since a loss":        {available, answer(25*time.Second, is("Available")), 40, "", nil, false, "", 41},
		"back on the roster":        {left, answer(time.Minute, is("Available")), 0, presence.KindSnapshot, nil, false, presence.ReasonSnapshot, 42},
		"unchanged":                 {available, answer(25*time.Second, is("Available")), 0, "", nil, false, "", 41},
		"availability and activity": {available, answer(25*time.Second, is("Busy", "InACall")), 0, presence.KindChange, []string{"availability", "activity"}, false, presence.ReasonChange, 42},
		"activity alone":            {available, answer(25*time.Second, is("Available", "OutOfOffice")), 0, presence.KindChange, []string{"activity"}, false, presence.ReasonChange, 42},
		"after a long silence":      {available, answer(41*time.Second, is("Busy")), 0, presence.KindChange, []string{"availability", "activity"}, true, presence.ReasonChange, 42},
		"just in time":              {available, answer(40*time.Second, is("Busy")), 0, presence.KindChange, []string{"availability", "activity"}, false, presence.ReasonChange, 42},
		"older by Graph's stamp":    {numbered, answer(25*time.Second, is("Busy", "Busy", "A0000000004")), 0, "", nil, false, "", 41},
		"same stamp":                {numbered, answer(25*time.Second, is("Busy", "Busy", "A0000000005")), 0, presence.KindChange, []string{"availability", "activity"}, false, presence.ReasonChange, 42},
		"stamp on one side only":    {numbered, answer(25*time.Second, is("Busy")), 0, presence.KindChange, []string{"availability", "activity"}, false, presence.ReasonChange, 42},
		"text changes":              {withText, answer(25*time.Second, text("back")), 0, presence.KindChange, []string{"statusMessage"}, false, presence.ReasonChange, 42},
		"text is collected now":     {available, answer(25*time.Second, text("back")), 0, presence.KindSnapshot, nil, false, presence.ReasonSnapshot, 42},
		"and a change comes too":    {available, answer(25*time.Second, withMessage(is("Busy"), "back")), 0, presence.KindChange, []string{"availability", "activity"}, false, presence.ReasonChange, 42},
		"text no longer collected":  {withText, answer(25*time.Second, is("Available")), 0, "", nil, false, "", 41},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rule
			r.Floor = tc.floor
			e, next := r.Diff(tc.last, tc.answer)
			if next.Revision != tc.rev {
				t.Errorf("next revision = %d, want %d", next.Revision, tc.rev)
			}
			if tc.kind == "" {
				if e != nil {
					t.Errorf("event %+v, want none", e)
				}
				return
			}
			if e == nil {
				t.Fatal("no event")
			}
			if e.Kind != tc.kind || e.Gap != tc.gap || e.Reason != tc.reason || e.Revision != tc.rev {
				t.Errorf("event = %s gap %t reason %s revision %d, want %s %t %s %d", e.Kind, e.Gap, e.Reason, e.Revision, tc.kind, tc.gap, tc.reason, tc.rev)
			}
			if diff := cmp.Diff(tc.changed, e.Changed); diff != "" {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
			if got := e.State(); got.Presence != next.Presence || got.Revision != next.Revision || !got.Since.Equal(next.Since) {
				t.Errorf("the event leaves %+v, Diff says %+v", got, next)
			}
		})
	}
}

func TestDiffTellsTheSpanOfAChange(t *testing.T) {
	t.Parallel()
	rule := presence.Rule{Tenant: "contoso", GapAfter: time.Minute}
	_, s := rule.Diff(presence.State{}, answer(0, is("Available")))
	_, s = rule.Diff(s, answer(15*time.Second, is("Available")))
	e, _ := rule.Diff(s, answer(30*time.Second, is("Busy")))
	want := presence.Observed{NotBefore: at(15*time.Second - 100*time.Millisecond), At: at(30 * time.Second)}
	if e.Observed != want {
		t.Errorf("observed = %+v, want %+v: from when the last confirming request left to when the answer was in", e.Observed, want)
	}
	if !e.Before.Since.Equal(nine) {
		t.Errorf("before.since = %s, want %s", e.Before.Since, nine)
	}
}

func TestDiffNeverGoesBackInTime(t *testing.T) {
	t.Parallel()
	rule := presence.Rule{Tenant: "contoso", GapAfter: time.Minute}
	_, s := rule.Diff(presence.State{}, answer(time.Hour, is("Available")))
	e, s := rule.Diff(s, answer(0, is("Busy"))) // the clock was set back
	if e.Observed.At.Before(at(time.Hour)) || e.Observed.NotBefore.After(e.Observed.At) || e.Gap {
		t.Errorf("observed = %+v gap %t, want nothing before %s", e.Observed, e.Gap, at(time.Hour))
	}
	if left, _ := rule.Leave(anna, s, nine); left.Observed.At.Before(e.Observed.At) {
		t.Errorf("left at %s, before the change at %s", left.Observed.At, e.Observed.At)
	}
}

func TestAnOlderAnswerConfirmsNothing(t *testing.T) {
	t.Parallel()
	rule := presence.Rule{Tenant: "contoso"}
	last := presence.State{Presence: is("Busy", "Busy", "A2"), Revision: 3, Since: nine, Confirmed: nine}
	if _, next := rule.Diff(last, answer(time.Minute, is("Busy", "Busy", "A1"))); next != last {
		t.Errorf("state moved to %+v", next)
	}
}

// TestStampsSortBytewise documents what rests on Microsoft's word that stamps sort
// lexicographically: a change of their shape that sorts lower would silence a user
// until stamps have grown again, one is missing, or the user leaves and comes back.
// Nobody has seen such a change, so nothing is done about it.
func TestStampsSortBytewise(t *testing.T) {
	t.Parallel()
	rule := presence.Rule{Tenant: "contoso"}
	for _, tc := range []struct {
		last, next string
		told       bool
	}{
		{"A0129311063", "A0129311064", true},
		{"A0129311063", "A0129311062", false},
		{"A0129311063", "A0129311063", true}, // no order to tell: the later answer counts
		{"A0999999999", "A1000000000", true},
		{"A9999999999", "B0000000000", true},
		{"A9999999999", "A10000000000", false}, // one digit more, and no letter to say so
		{"A99", "A0129311063", false},
		{"A0129311063", "A99", true},
		{"A0129311063", "a0", true}, // letters in lower case sort above
		{"A0129311063", "129311064", false},
		{"A0129311063", "", true},
		{"", "A0129311063", true},
	} {
		last := presence.State{Presence: is("Busy", "Busy", tc.last), Revision: 3, Since: nine, Confirmed: nine}
		e, next := rule.Diff(last, answer(time.Minute, is("Away", "Away", tc.next)))
		if (e != nil) != tc.told {
			t.Errorf("%q after %q: event %v, want one: %t", tc.next, tc.last, e, tc.told)
		}
		if !tc.told && next != last {
			t.Errorf("%q after %q: the state moved to %+v", tc.next, tc.last, next)
		}
	}
	frozen := presence.State{Presence: is("Busy", "Busy", "A99"), Revision: 3, Since: nine, Confirmed: nine}
	_, left := rule.Leave(anna, frozen, at(time.Minute))
	if e, _ := rule.Diff(left, answer(2*time.Minute, is("Away", "Away", "A01"))); e == nil || e.Kind != presence.KindSnapshot {
		t.Errorf("back on the roster: %+v, want a snapshot", e)
	}
}

func TestChecksumSeesEveryDifference(t *testing.T) {
	t.Parallel()
	base := presence.State{Presence: is("Busy", "InACall"), Revision: 7, Since: nine}
	var zero presence.Checksum
	sum := zero.Replace(anna, presence.State{}, base)
	for name, change := range map[string]func(*presence.State){
		"availability": func(s *presence.State) { s.Presence.Availability = "Away" },
		"activity":     func(s *presence.State) { s.Presence.Activity = "InAMeeting" },
		"moved border": func(s *presence.State) { s.Presence.Availability, s.Presence.Activity = "BusyI", "nACall" },
		"revision":     func(s *presence.State) { s.Revision++ },
		"since":        func(s *presence.State) { s.Since = s.Since.Add(time.Microsecond) },
		"left":         func(s *presence.State) { s.Left = true },
		"text":         func(s *presence.State) { s.Presence.StatusMessage = new(string) },
		"out":          func(s *presence.State) { s.Presence.OutOfOffice = &presence.OutOfOffice{} },
		"place":        func(s *presence.State) { s.Presence.WorkLocation = &presence.WorkLocation{Type: "office"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := base
			change(&other)
			if zero.Replace(anna, presence.State{}, other) == sum {
				t.Error("the checksum is the same")
			}
			if sum.Replace(anna, base, other).Replace(anna, other, base) != sum {
				t.Error("there and back is not the same")
			}
		})
	}
	if zero.Replace("another", presence.State{}, base) == sum {
		t.Error("another user has the same checksum")
	}
	confirmed := base
	confirmed.Confirmed = at(time.Hour)
	confirmed.Presence.SequenceNumber = "A9"
	if sum.Replace(anna, base, confirmed) != sum {
		t.Error("what the log does not hold moves the checksum")
	}
}

func BenchmarkDiff10k(b *testing.B) {
	rule := presence.Rule{Tenant: "contoso", GapAfter: time.Minute}
	last := presence.State{Presence: is("Available"), Revision: 1, Since: nine, Confirmed: nine}
	same, other := answer(time.Second, is("Available")), answer(time.Second, is("Busy"))
	for _, bench := range []struct {
		name string
		a    presence.Answer
	}{{"unchanged", same}, {"changed", other}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range 10_000 {
					rule.Diff(last, bench.a)
				}
			}
		})
	}
}
