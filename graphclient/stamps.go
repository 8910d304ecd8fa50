package graphclient

import (
	"slices"
	"time"

	"presenced/presence"
)

// stamps is when requests completed, ascending, as time since the budget was
// made. Some lie ahead: requests of which nobody knows when they arrive.
type stamps []time.Duration

// insert keeps the order; nearly always it appends.
func (s stamps) insert(at time.Duration) stamps {
	i := len(s)
	for i > 0 && s[i-1] > at {
		i--
	}
	return slices.Insert(s, i, at)
}

// since drops what completed at the time given or before.
func (s stamps) since(start time.Duration) stamps {
	for len(s) > 0 && s[0] <= start {
		s = s[1:]
	}
	return s
}

// ledger counts the stamps by age. What lies ahead is still in flight for all
// that a successor can know.
func (s stamps) ledger(now time.Duration) presence.Ledger {
	var l presence.Ledger
	for _, at := range s {
		if at > now {
			l.InFlight++
			continue
		}
		age := int((now - at) / time.Second)
		for len(l.Completed) <= age { // the oldest comes first
			l.Completed = append(l.Completed, 0)
		}
		l.Completed[age]++
	}
	return l
}

// charge adds a predecessor's ledger. Ages were rounded down, so that each
// completion is taken as the latest that it can have been. Only the latest full
// ones count: they alone decide when there is room.
func (s stamps) charge(l presence.Ledger, now, window, aged, settle time.Duration, full int) stamps {
	room := full
	add := func(count int, at time.Duration) {
		for range min(count, room) {
			s = append(s, at)
			room--
		}
	}
	add(l.InFlight, now+max(settle, 0))
	add(l.Reserved, now+max(settle, 0))
	for age, count := range l.Completed {
		old := time.Duration(age)*time.Second + max(aged, 0)
		if old >= window || room == 0 {
			break
		}
		add(count, now-old)
	}
	slices.Sort(s)
	return s
}
