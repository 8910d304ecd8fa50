package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/audit"
	"presenced/presence"
)

var (
	user  = presence.UserID("00000001-0000-4000-8000-000000000001")
	begin = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
)

func at(second int) time.Time { return begin.Add(time.Duration(second) * time.Second) }

func words(s string) presence.Presence {
	if s == "?" {
		s = presence.Unknown
	}
	return presence.Presence{Availability: s, Activity: s}
}

// runs reads "A B*3 ?*2": what was served, one second apart; *n for n times.
func runs(script string) []audit.Run {
	var rs []audit.Run
	second := 0
	for part := range strings.FieldsSeq(script) {
		word, times := part, 1
		fmt.Sscanf(strings.ReplaceAll(part, "*", " "), "%s %d", &word, &times)
		rs = append(rs, audit.Run{Presence: words(word), Since: at(second), First: at(second), Last: at(second + times - 1), Times: times})
		second += times
	}
	return rs
}

// entries reads "A B A": the log as a sound worker would have written it.
func entries(script string) []audit.Entry {
	var es []audit.Entry
	rule := presence.Rule{Tenant: "t", GapAfter: time.Hour}
	var last presence.State
	for i, word := range strings.Fields(script) {
		e, next := rule.Diff(last, presence.Answer{User: user, Presence: words(word), Asked: at(i), At: at(i)})
		if e == nil {
			panic("no difference in " + script)
		}
		es = append(es, audit.Entry{Event: *e, Stored: at(i)})
		last = next
	}
	return es
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		served string
		log    string
		deaths []int // seconds
		want   audit.Report
	}{
		"all told":                     {served: "A B A", log: "A B A", want: audit.Report{Served: 2, Changes: 2}},
		"repeats are nothing":          {served: "A*5 B*2", log: "A B", want: audit.Report{Served: 1, Changes: 1}},
		"short unknown is nothing":     {served: "A ?*2 A", log: "A", want: audit.Report{}},
		"short unknown hides a change": {served: "A ?*2 B", log: "A B", want: audit.Report{Served: 1, Changes: 1}},
		"long unknown is told":         {served: "A ?*3 A", log: "A ? A", want: audit.Report{Served: 2, Changes: 2}},
		"lost":                         {served: "A B C", log: "A C", want: audit.Report{Served: 2, Changes: 1, Missing: 1}},
		"lost at the end":              {served: "A B", log: "A", want: audit.Report{Served: 1, Missing: 1}},
		"nothing told":                 {served: "A B", log: "", want: audit.Report{Served: 1, Missing: 2}},
		"invented":                     {served: "A B", log: "A C B", want: audit.Report{Served: 1, Changes: 2, Invented: 1}},
		"invented at the end":          {served: "A", log: "A B", want: audit.Report{Changes: 1, Invented: 1}},
		"there and back, untold":       {served: "A B A", log: "A", want: audit.Report{Served: 2, Missing: 1}},
		"died before it could write":   {served: "A B C", log: "A C", deaths: []int{1}, want: audit.Report{Served: 1, Changes: 1}},
		"wrote before it died":         {served: "A B C", log: "A B C", deaths: []int{1}, want: audit.Report{Served: 1, Changes: 2}},
		"unknown decided, then death":  {served: "A ?*3 A", log: "A", deaths: []int{4}, want: audit.Report{}},
		"unknown decided long before":  {served: "A ?*5 A", log: "A", deaths: []int{6}, want: audit.Report{Served: 1, Missing: 1}},
		"died long after":              {served: "A B*5 C*2", log: "A C", deaths: []int{6}, want: audit.Report{Served: 2, Changes: 1, Missing: 1}},
		"served again after a death":   {served: "A B*2", log: "A", deaths: []int{1}, want: audit.Report{Served: 1, Missing: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule := audit.Rule{UnknownAfter: 3}
			for _, d := range tc.deaths {
				rule.Deaths = append(rule.Deaths, at(d))
			}
			got := audit.Compare(map[presence.UserID][]audit.Run{user: runs(tc.served)}, entries(tc.log), rule)
			g := [...]int{got.Served, got.Changes, got.Missing, got.Invented, got.Duplicates, got.Broken}
			w := [...]int{tc.want.Served, tc.want.Changes, tc.want.Missing, tc.want.Invented, tc.want.Duplicates, tc.want.Broken}
			if g != w {
				t.Errorf("served, changes, missing, invented, duplicates, broken = %v, want %v", g, w)
			}
		})
	}
}

// Optional fields count where all that was served has them, and nowhere else.
func TestCompareSeesOptionalFields(t *testing.T) {
	t.Parallel()
	full := func(status string, away bool, place string) presence.Presence {
		p := words("A")
		p.StatusMessage, p.OutOfOffice, p.WorkLocation = &status, &presence.OutOfOffice{Active: away}, &presence.WorkLocation{Type: place}
		return p
	}
	for name, then := range map[string]presence.Presence{
		"status message": full("back at two", false, "office"), "out of office": full("", true, "office"), "work location": full("", false, "remote"),
	} {
		first := full("", false, "office")
		rule := presence.Rule{Tenant: "t", GapAfter: time.Hour}
		e, last := rule.Diff(presence.State{}, presence.Answer{User: user, Presence: first, Asked: at(0), At: at(0)})
		change, _ := rule.Diff(last, presence.Answer{User: user, Presence: then, Asked: at(1), At: at(1)})
		log := []audit.Entry{{Event: *e, Stored: at(0)}, {Event: *change, Stored: at(1)}}
		served := []audit.Run{{Presence: first, First: at(0), Last: at(0), Times: 1}, {Presence: then, First: at(1), Last: at(1), Times: 1}}
		compare := func(served []audit.Run, log []audit.Entry) audit.Report {
			return audit.Compare(map[presence.UserID][]audit.Run{user: served}, log, audit.Rule{UnknownAfter: 3})
		}
		if got := compare(served, log); got.Served != 1 || got.Missing+got.Invented+got.Broken != 0 {
			t.Errorf("%s, all told: %+v", name, got)
		}
		if got := compare(served, log[:1]); got.Missing != 1 {
			t.Errorf("%s, lost: %+v, want one missing", name, got)
		}
		if got := compare(served[:1], log); got.Invented != 1 {
			t.Errorf("%s, invented: %+v, want one", name, got)
		}
		dropped := slices.Clone(log)
		after := words("A")
		dropped[0].Event.After = &after
		if got := compare(served, dropped); got.Missing+got.Invented == 0 {
			t.Errorf("%s, dropped from an event: %+v, want it noticed", name, got)
		}
		bare := []audit.Run{{Presence: words("A"), First: at(0), Last: at(1), Times: 2}}
		if got := compare(bare, log[:1]); got.Missing+got.Invented != 0 {
			t.Errorf("%s, not on record: %+v, want that it is not compared", name, got)
		}
	}
}

func TestCompareSeesBrokenChains(t *testing.T) {
	t.Parallel()
	served := map[presence.UserID][]audit.Run{user: runs("A B C")}
	rule := audit.Rule{UnknownAfter: 3}

	twice := entries("A B C")
	twice = append(twice[:2:2], twice[1], twice[2])
	if got := audit.Compare(served, twice, rule); got.Duplicates != 1 {
		t.Errorf("an event twice: duplicates = %d, want 1", got.Duplicates)
	}
	skipped := entries("A B C")
	skipped[2].Event.Revision++
	if got := audit.Compare(served, skipped, rule); got.Broken != 1 {
		t.Errorf("a revision left out: broken = %d, want 1", got.Broken)
	}
	other := entries("A B C")
	other[2].Event.Before.Availability = "X"
	if got := audit.Compare(served, other, rule); got.Broken != 1 {
		t.Errorf("a before that never was: broken = %d, want 1", got.Broken)
	}
	stranger := entries("A")
	stranger[0].Event.User = "00000002-0000-4000-8000-000000000002"
	if got := audit.Compare(served, append(entries("A B C"), stranger...), rule); got.Invented != 1 {
		t.Errorf("an event of a stranger: invented = %d, want 1", got.Invented)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	log := entries("A B C")
	for i := range log {
		log[i].Stored = at(i).Add(time.Duration(i) * 100 * time.Millisecond)
	}
	got := audit.Compare(map[presence.UserID][]audit.Run{user: runs("A B C")}, log, audit.Rule{UnknownAfter: 3})
	if p := got.Percentile(0.5); p != 200*time.Millisecond {
		t.Errorf("p50 = %s, want 200ms of {100ms, 200ms}", p)
	}
}
