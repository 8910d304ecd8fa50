package graphsim

import (
	"fmt"
	"sort"
	"strconv"
	"time"
)

// change is the beginning of a state in the model.
type change struct {
	state    state
	at       time.Time // simulated
	sequence uint64
}

// today is one person's cached day.
type today struct {
	date    int64 // days since 1970-01-01
	steps   []step
	evening change // the last one before this day, which is also what the day begins with
	onLeave bool
}

// turnTo makes u.today the day of a date.
func (u *person) turnTo(date int64) {
	if u.today.steps == nil || u.today.date != date {
		u.today = today{date, liveDay(u.traits, date), lastEvening(u.traits, date), u.traits.awayOn(date)}
	}
}

// live says what the model, without anything set by hand, has u do at a simulated time.
func (u *person) live(sim time.Time) change {
	u.turnTo(date(sim))
	second := int32(sim.Unix() - u.today.date*secondsPerDay)
	steps := u.today.steps
	i := sort.Search(len(steps), func(i int) bool { return steps[i].at > second }) - 1
	if i == 0 {
		return u.today.evening
	}
	return stepChange(u.today.date, steps, i)
}

// lastEvening returns the last change before a date.
func lastEvening(t traits, d int64) change {
	const longestLeave = 120
	if t.unknown {
		return change{state: presenceUnknown, at: workEpoch()}
	}
	for before := d - 1; before > d-longestLeave; before-- {
		if steps := liveDay(t, before); len(steps) > 1 {
			return stepChange(before, steps, len(steps)-1)
		}
	}
	return change{state: offline, at: workEpoch()}
}

// stepChange numbers the changes of a person's life: 1000 numbers a day are more than a day has steps.
func stepChange(d int64, steps []step, i int) change {
	return change{
		state:    steps[i].state,
		at:       midnight(d).Add(time.Duration(steps[i].at) * time.Second),
		sequence: uint64(d)*1000 + uint64(i),
	}
}

func date(sim time.Time) int64 { return sim.Unix() / secondsPerDay }

func midnight(date int64) time.Time { return time.Unix(date*secondsPerDay, 0).UTC() }

// stamp writes a sequence number as Graph does: a letter and ten digits, so that text order is number order.
func stamp(sequence uint64) string { return fmt.Sprintf("A%010d", sequence) }

// number is the inverse of stamp.
func number(stamp string) uint64 {
	n, _ := strconv.ParseUint(stamp[1:], 10, 64)
	return n
}
