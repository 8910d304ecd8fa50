package audit

import (
	"fmt"

	"presenced/presence"
)

// words are what every presence has.
func words(p presence.Presence) string { return p.Availability + "." + p.Activity }

// wordOf gives what says in one word what a presence is: with the optional fields
// that all that was served has. What was told has them too, or is another.
func wordOf(served map[presence.UserID][]Run) func(presence.Presence) string {
	status, away, place := true, true, true
	for _, runs := range served {
		for _, run := range runs {
			status = status && run.Presence.StatusMessage != nil
			away = away && run.Presence.OutOfOffice != nil
			place = place && run.Presence.WorkLocation != nil
		}
	}
	return func(p presence.Presence) string {
		word := words(p)
		if status {
			word += field(p.StatusMessage)
		}
		if away {
			word += field(p.OutOfOffice)
		}
		if place {
			word += field(p.WorkLocation)
		}
		return word
	}
}

func field[T any](value *T) string {
	if value == nil {
		return " none"
	}
	return fmt.Sprintf(" %q", fmt.Sprint(*value))
}
