package presence

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func canonicalStory() []Event {
	seen := time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.UTC)
	before := &Past{Presence: Presence{Availability: "Available", Activity: "Available"}, Since: seen}
	after := &Presence{Availability: "Busy", Activity: "InACall", SequenceNumber: "A0129311063"}
	user := UserID("0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80")
	later := Observed{NotBefore: seen, At: seen.Add(time.Second)}
	return []Event{
		{Kind: KindSnapshot, Tenant: "contoso", User: user, Revision: 1, After: after, Observed: Observed{At: seen}, Reason: ReasonSnapshot},
		{Kind: KindSnapshot, Tenant: "contoso", User: user, Revision: 9, After: after, Observed: Observed{At: seen}, Reason: ReasonStateLost},
		{Kind: KindChange, Tenant: "c-1", User: user, Revision: 18446744073709551615, Changed: []string{"availability", "activity"}, Before: before, After: after, Observed: later, Gap: true, Reason: ReasonChange},
		{Kind: KindLeft, Tenant: "contoso", User: user, Revision: 3, Before: before, Observed: later, Reason: ReasonLeft},
	}
}

// Nearly every event is read without encoding/json, or loads take three times as
// long.
func TestWhatIsWrittenIsCanonical(t *testing.T) {
	t.Parallel()
	for _, e := range canonicalStory() {
		payload, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseCanonical(payload)
		if diff := cmp.Diff(e, got); !ok || diff != "" {
			t.Errorf("%s: ok %t (-written +read):\n%s", payload, ok, diff)
		}
	}
}

// Whatever the quick way reads is what the slow way reads.
func FuzzParseCanonical(f *testing.F) {
	for _, e := range canonicalStory() {
		payload, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		quick, ok := parseCanonical(payload)
		if !ok {
			return
		}
		slow, err := parseJSON(payload)
		if diff := cmp.Diff(slow, quick); err != nil || diff != "" {
			t.Errorf("%s: %v (-slow +quick):\n%s", payload, err, diff)
		}
	})
}

func BenchmarkParseEvent(b *testing.B) {
	payload, err := json.Marshal(canonicalStory()[2])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("canonical", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := parseCanonical(payload); !ok {
				b.Fatal("not canonical")
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseJSON(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
