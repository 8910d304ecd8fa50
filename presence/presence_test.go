package presence_test

import (
	"fmt"
	"strings"
	"testing"

	"presenced/presence"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Available":              "Available",
		"inAMeeting":             "InAMeeting",
		"DONOTDISTURB":           "DoNotDisturb",
		"":                       presence.Unknown,
		"presenceUnknown":        presence.Unknown,
		"Hibernating":            "Hibernating",
		"InACall + OOF":          "InACall___OOF",
		"a.b.*.>":                "a_b____",
		"Off line":               "Off_line",
		"...":                    presence.Unknown,
		"\x00\n":                 presence.Unknown,
		"Ünavailable":            "_navailable",
		strings.Repeat("x", 200): strings.Repeat("x", 64),
	} {
		if got := presence.Canonical(in); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever Graph sends, a subject keeps its number of tokens.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"Available", "", "a.b", "*", ">", "In A Call", "\xff\xfe", "ÄÖ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		c := presence.Canonical(word)
		e := presence.Event{Kind: presence.KindSnapshot, Tenant: "t", User: anna, After: &presence.Presence{Availability: c, Activity: c}}
		if s, ok := read(e.Subject("presence")); !ok || s.After.Availability != c {
			t.Errorf("Canonical(%q) = %q does not survive a subject: %s", word, c, e.Subject("presence"))
		}
		if again := presence.Canonical(c); again != c {
			t.Errorf("Canonical is not stable: %q, then %q", c, again)
		}
	})
}

func TestParseUserID(t *testing.T) {
	t.Parallel()
	if got, err := presence.ParseUserID(strings.ToUpper(string(anna))); err != nil || got != anna {
		t.Errorf("upper case = %q, %v; want %q", got, err, anna)
	}
	for _, bad := range []string{
		"", "anna", "anna@contoso.com", "{" + string(anna) + "}", string(anna) + " ", " " + string(anna),
		"urn:uuid:" + string(anna), strings.ReplaceAll(string(anna), "-", "."), strings.Repeat("0", 36), string(anna[:35]) + "*", string(anna[:35]) + "\x00",
	} {
		if id, err := presence.ParseUserID(bad); err == nil {
			t.Errorf("ParseUserID(%q) = %q, want an error", bad, id)
		}
	}
}

// FuzzSubject: whatever words Graph sends, the subject written of them is read as the same words, in as many tokens as
// any other.
func FuzzSubject(f *testing.F) {
	f.Add("Busy", "in a call")
	f.Add("Pre.senting", "*.>")
	f.Add("\x00\xff ", "Außer Haus")
	f.Fuzz(func(t *testing.T, availability, activity string) {
		e := presence.Event{Tenant: "contoso", User: anna, Kind: presence.KindChange, After: &presence.Presence{
			Availability: presence.Canonical(availability), Activity: presence.Canonical(activity),
		}}
		subject := e.Subject("presence")
		s, ok := read(subject)
		if !ok || s.After.Availability != e.After.Availability || s.After.Activity != e.After.Activity || strings.Count(subject, ".") != 6 {
			t.Errorf("%q and %q are written %q, which reads %+v", availability, activity, subject, s)
		}
		for _, word := range []string{availability, activity} {
			if c := presence.Canonical(word); presence.Canonical(c) != c {
				t.Errorf("%q is %q, which is %q", word, c, presence.Canonical(c))
			}
		}
	})
}

func TestIsTenant(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"contoso": true, "contoso-2": true, "a": true, strings.Repeat("a", 32): true,
		"": false, strings.Repeat("a", 33): false, "Contoso": false, "a.b": false, "a b": false, "*": false, "ä": false, "a_b": false,
	} {
		if got := presence.IsTenant(s); got != want {
			t.Errorf("IsTenant(%q) = %t, want %t", s, got, want)
		}
	}
}

func TestSweepSource(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		requests, failed int
		want             presence.SourceState
	}{{3, 0, presence.SourceUp}, {3, 1, presence.SourceDegraded}, {3, 3, presence.SourceDown}, {0, 0, presence.SourceUp}} {
		if got := (presence.Sweep{Requests: tc.requests, Failed: tc.failed}).Source(); got != tc.want {
			t.Errorf("%d of %d failed: %s, want %s", tc.failed, tc.requests, got, tc.want)
		}
	}
}

func ExampleEvent_Subject() {
	e := presence.Event{
		Kind: presence.KindChange, Tenant: "contoso", User: "0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80", Revision: 42,
		After: &presence.Presence{Availability: presence.Canonical("busy"), Activity: presence.Canonical("inACall")},
	}
	fmt.Println(e.Subject("presence"))
	fmt.Println(e.ID())
	// Output:
	// presence.contoso.user.0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80.change.Busy.InACall
	// contoso/0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80/42
}
