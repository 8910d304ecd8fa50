package audit

import (
	"fmt"

	"presenced/presence"
)

// words are what every presence has.
func words(p presence.Presence) string { return p.Availability + "." + p.Activity }

// wordOf gives what says in one word what a presence is: optional fields are in it
// where all that was told and all that was served have them.
func wordOf(served map[presence.UserID][]Run, log []Entry) func(presence.Presence) string {
	status, away, place := true, true, true
	see := func(p presence.Presence) {
		status = status && p.StatusMessage != nil
		away = away && p.OutOfOffice != nil
		place = place && p.WorkLocation != nil
	}
	for _, runs := range served {
		for _, run := range runs {
			see(run.Presence)
		}
	}
	for _, e := range log {
		if e.Event.After != nil {
			see(*e.Event.After)
		}
	}
	return func(p presence.Presence) string {
		word := words(p)
		if status && p.StatusMessage != nil {
			word += fmt.Sprintf(" %q", *p.StatusMessage)
		}
		if away && p.OutOfOffice != nil {
			word += fmt.Sprintf(" %q", fmt.Sprint(*p.OutOfOffice))
		}
		if place && p.WorkLocation != nil {
			word += fmt.Sprintf(" %q", fmt.Sprint(*p.WorkLocation))
		}
		return word
	}
}
