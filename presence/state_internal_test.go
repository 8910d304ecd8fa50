package presence

import (
	"testing"
	"time"
)

// The checksum is on record: another value for the same state would make an update
// of presenced tell everybody that their state was lost.
func TestChecksumIsTheSameInEveryVersion(t *testing.T) {
	t.Parallel()
	user := UserID("0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80")
	since := time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.UTC)
	text := "in the wörkshop"
	for name, tc := range map[string]struct {
		state State
		want  Checksum
	}{
		"nobody": {State{}, 0},
		"plain":  {State{Presence: Presence{Availability: "Busy", Activity: "InACall", SequenceNumber: "A1"}, Revision: 7, Since: since, Confirmed: since}, 13821198466300916313},
		"full": {State{Presence: Presence{
			Availability: "Away", Activity: "Away", StatusMessage: &text,
			OutOfOffice: &OutOfOffice{Active: true, Message: "back on Monday"}, WorkLocation: &WorkLocation{Type: "office", Source: "manual", PlaceID: "p"},
		}, Revision: 1 << 40, Since: since}, 8955985242102985679},
		"left": {State{Presence: Presence{Availability: "Away", Activity: "Away"}, Revision: 8, Since: since, Left: true}, 13918536763315302078},
	} {
		if got := Checksum(0).Replace(user, State{}, tc.state); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}
