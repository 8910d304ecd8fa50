package graphsim

import (
	"slices"
	"strings"
)

// alter changes which presences an answer has, if the fault is of such a kind.
func (f *Fault) alter(entries []entry, cfg Config) []entry {
	if f == nil {
		return entries
	}
	switch f.Kind {
	case KindMissing:
		if len(f.IDs) == 0 {
			return entries[(len(entries)+1)/2:]
		}
		return slices.DeleteFunc(entries, func(e entry) bool { return f.names(e.id) })
	case KindExtra:
		return append(entries, f.strangers(entries, cfg)...)
	case KindDuplicate:
		return append(entries, entries...)
	case KindConflict:
		return f.contradict(entries)
	case KindIDCase:
		for i := range entries {
			entries[i].json.ID = strings.ToUpper(entries[i].json.ID)
		}
	}
	return entries
}

// strangers are presences of users nobody asked for.
func (f *Fault) strangers(entries []entry, cfg Config) []entry {
	ids := f.IDs
	if len(ids) == 0 {
		ids = []string{derivedGUID(cfg.Seed, "stranger")}
	}
	var list []entry
	for _, id := range ids {
		asked := slices.ContainsFunc(entries, func(e entry) bool { return strings.EqualFold(e.id, id) })
		if !asked {
			e := cfg.Modes.render(id, Presence{Availability: "Busy", Activity: "InACall", Sequence: stamp(1)}, true)
			e.mute = true
			list = append(list, e)
		}
	}
	return list
}

// contradict adds a second, different presence. Neither counts as served: nobody can tell which is right.
func (f *Fault) contradict(entries []entry) []entry {
	var second []entry
	for i, e := range entries {
		if f.names(e.id) || len(f.IDs) == 0 && i == 0 {
			entries[i].mute = true
			other := e
			other.mute = true
			words := pair{"Away", "Away"}
			if e.availability == words.availability {
				words = pair{"Busy", "Busy"}
			}
			other.json.Availability, other.json.Activity = &words.availability, &words.activity
			second = append(second, other)
		}
	}
	return append(entries, second...)
}
