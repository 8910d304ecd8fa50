package graphsim

import "math/rand/v2"

const (
	secondsPerDay = 24 * 60 * 60
	minute        = 60
	hour          = 60 * minute
	fadeAfter     = 5 * minute // Available to AvailableInactive, and once more to Away
)

// day draws the spans of one working day. Times are seconds after midnight UTC.
type day struct {
	rng            *rand.Rand
	arrive, leave  int32
	lunch, lunchTo int32
	spans          []span
}

// liveDay returns what person did on a simulated day (days since 1970-01-01). It is a pure function of its arguments.
func liveDay(t traits, date int64) []step {
	if t.unknown {
		return []step{{0, presenceUnknown}}
	}
	d := &day{rng: rand.New(rand.NewPCG(t.seed, uint64(date)*0x9e3779b97f4a7c15))}
	switch {
	case t.awayOn(date):
		d.peek(availableOutOfOffice, 0.3)
	case isWeekend(date):
		d.peek(available, 0.06)
	default:
		d.work(t)
	}
	return aggregate(d.spans)
}

func isWeekend(date int64) bool { return (date+3)%7 >= 5 } // 1970-01-01 was a Thursday

func (d *day) add(l layer, s state, from, to int32) {
	from, to = max(from, 0), min(to, secondsPerDay-1) // everybody is offline at midnight
	if from < to {
		d.spans = append(d.spans, span{from, to, l, s})
	}
}

// between returns a random number of seconds in [low, high).
func (d *day) between(low, high int32) int32 { return low + d.rng.Int32N(high-low) }

func (d *day) chance(p float64) bool { return d.rng.Float64() < p }

// peek is a look at the phone on a day off.
func (d *day) peek(s state, p float64) {
	if d.chance(p) {
		from := d.between(8*hour, 21*hour)
		d.add(session, s, from, from+d.between(3*minute, 25*minute))
	}
}

func (d *day) work(t traits) {
	d.arrive = t.arrives + d.between(-20*minute, 20*minute)
	d.leave = d.arrive + t.works + d.between(-40*minute, 50*minute)
	d.lunch = d.between(11*hour+20*minute, 13*hour)
	d.lunchTo = d.lunch + d.between(25*minute, 65*minute)
	d.desk(t)
	d.meetings(t)
	d.calls(t)
	d.choices()
	d.peek(available, 0.5)
}

// desk is the computer: worked at, left alone for a while, worked at again, and left alone over lunch.
func (d *day) desk(t traits) {
	d.stretches(t, d.arrive, min(d.lunch, d.leave))
	d.idle(d.lunch, min(d.lunchTo, d.leave))
	d.stretches(t, d.lunchTo, d.leave)
}

func (d *day) stretches(t traits, from, to int32) {
	for from < to {
		stop := from + d.between(t.focus/2, t.focus*3/2)
		back := stop + d.between(4*minute, 22*minute)
		d.add(session, available, from, min(stop, to))
		d.idle(stop, min(back, to))
		from = back
	}
}

// idle is a session nobody touches: it fades in two steps.
func (d *day) idle(from, to int32) {
	d.add(session, available, from, min(from+fadeAfter, to))
	d.add(session, availableInactive, from+fadeAfter, min(from+2*fadeAfter, to))
	d.add(session, away, from+2*fadeAfter, to)
}

// meetings stand in the calendar at full and half hours; most are joined, some are presented in.
func (d *day) meetings(t traits) {
	for range t.meetings + d.rng.IntN(2) {
		from := d.between(17, 35)*30*minute + d.between(-90, 90)
		to := from + 30*minute*d.between(1, 3) + d.between(-120, 60)
		if from < d.arrive || from >= d.leave {
			continue
		}
		d.add(calendar, inAMeeting, from, min(to, d.leave))
		if !d.chance(0.7) {
			continue
		}
		join := from + d.between(0, 3*minute)
		d.add(calendar, inAConferenceCall, join, min(to-d.between(0, minute), d.leave))
		if d.chance(0.3) {
			present := d.between(join, join+10*minute)
			d.add(calendar, presenting, present, min(present+d.between(5*minute, 20*minute), to, d.leave))
		}
	}
}

func (d *day) calls(t traits) {
	for range t.calls + d.rng.IntN(2) {
		from := d.between(d.arrive, d.leave)
		d.add(calendar, inACall, from, min(from+d.between(1*minute, 18*minute), d.leave))
	}
}

// choices are the states people pick by hand.
func (d *day) choices() {
	if d.chance(0.4) {
		d.add(preferred, beRightBack, d.lunch, d.lunchTo)
	}
	if d.chance(0.25) {
		from := d.between(d.arrive, d.leave)
		s := doNotDisturb
		if d.chance(0.3) {
			s = focusing
		}
		d.add(preferred, s, from, min(from+d.between(45*minute, 90*minute), d.leave))
	}
	if d.chance(0.1) {
		from := d.between(d.arrive, d.leave)
		d.add(preferred, busy, from, min(from+d.between(20*minute, 50*minute), d.leave))
	}
	if d.chance(0.03) {
		d.add(preferred, offWork, d.leave-d.between(30*minute, 90*minute), d.leave)
	}
}
