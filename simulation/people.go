package simulation

import (
	"fmt"
	"time"

	"presenced/graphsim"
	"presenced/presence"
)

// roster draws who is watched of a tenant.
func (w *world) roster(tenant int, n uint64) []presence.UserID {
	var ids []presence.UserID
	for i, id := range w.graph.people[tenant] {
		if n == 0 || w.dice.of(forRoster, uint64(tenant), n, uint64(i)).chance(0.7) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		ids = w.graph.people[tenant][:1]
	}
	return ids
}

// life is what the people of all tenants do, from the first moment to the storm's
// end, as a script.
func life(plan Plan, d dice) graphsim.Script {
	words := [][2]string{{"Available", "Available"}, {"Busy", "InACall"}, {"Busy", "InAMeeting"}, {"Away", "Away"},
		{"Offline", "Offline"}, {"DoNotDisturb", "Presenting"}, {"PresenceUnknown", "PresenceUnknown"}}
	var s graphsim.Script
	person := 0
	for ti, t := range plan.Tenants {
		for i := range t.People {
			at, n := time.Duration(0), uint64(0)
			for {
				k := d.of(forLife, uint64(ti), uint64(i), n)
				word := words[k.of(2).below(len(words))]
				s.Presence = append(s.Presence, graphsim.Step{At: at, User: fmt.Sprint(person), Availability: word[0], Activity: word[1]})
				at += k.of(1).between(t.Pace/10, 2*t.Pace)
				if n++; at > plan.Storm {
					break
				}
			}
			person++
		}
	}
	return s
}
