package configs

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Timetable is the union of a tenant's schedules.
type Timetable interface {
	// Next is the first moment after t at which a sweep is due; the zero time if there is none.
	Next(t time.Time) time.Time
}

// pace refuses schedules under which a sweep would begin before the budget could hold the one before it. It looks at
// each schedule by itself, so that the fault stands where it is, and then at those together that name moments: when
// @every is due depends on the start, and what is valid today must be so tomorrow.
func (c *check) pace(key string, t *Tenant) {
	at := key + ".schedules"
	if t.Rate.Per < time.Second || t.Rate.Budget() < 1 || c.timetable == nil || c.touched[at] {
		return // refused already, or nobody can tell
	}
	least := t.LeastInterval()
	want := fmt.Sprintf("at least %s, because %d users take %d requests and the budget is %d in %s",
		durationText(least), len(t.Roster), t.Requests(), t.Rate.Budget(), durationText(t.Rate.Per))
	var fixed []string
	for i, spec := range t.Schedules {
		if gap := c.smallestGap(least, spec); gap > 0 && gap < least {
			c.refuse(element(at, i), &fault{got: fmt.Sprintf("%s, with sweeps %s apart", whole(spec), durationText(gap)), want: want, mend: "widen the schedule, or set endpoint: bulk"})
		}
		if !strings.HasPrefix(strings.TrimSpace(spec), "@every") {
			fixed = append(fixed, spec)
		}
	}
	if gap := c.smallestGap(least, fixed...); gap > 0 && gap < least && !c.touched[at] {
		c.refuse(at, &fault{got: fmt.Sprintf("schedules that together have sweeps %s apart", durationText(gap)), want: want, mend: "remove one, or set endpoint: bulk"})
	}
}

// smallestGap is the shortest time between two sweeps, as far as it matters beside least. It looks at the next moments
// of each spec and at what is due around them, so that one minute of the week is found among the many of every day.
// Zero: there are no two.
func (c *check) smallestGap(least time.Duration, specs ...string) time.Duration {
	const (
		moments = 500 // of each spec
		horizon = 8 * 24 * time.Hour
	)
	all, err := c.timetable(specs)
	if err != nil {
		return 0 // refused already
	}
	var smallest time.Duration
	for _, spec := range specs {
		own, err := c.timetable([]string{spec})
		if err != nil {
			return 0
		}
		due := own.Next(c.now)
		for range moments {
			if due.IsZero() || due.Sub(c.now) > horizon {
				break
			}
			around := []time.Time{all.Next(due)}
			if len(specs) > 1 {
				around = append(around, all.Next(due.Add(-least)))
			}
			for _, other := range around {
				if gap := other.Sub(due).Abs(); !other.IsZero() && gap > 0 && (smallest == 0 || gap < smallest) {
					smallest = gap
				}
			}
			due = own.Next(due)
		}
	}
	return smallest
}

// Budget is how many requests may be made in each window of Per: Requests times Share, rounded down.
func (r Rate) Budget() int { return int(float64(r.Requests)*r.Share + 1e-9) }

// Requests is how many requests one sweep over Roster takes. Users that Graph has yet to resolve are not counted.
func (t *Tenant) Requests() int {
	n := len(t.Roster)
	if slices.Contains([]string{"user", "communications"}, t.Endpoint) {
		return n
	}
	return (n + idsPerRequest - 1) / idsPerRequest
}

// LeastInterval is the shortest time between sweeps over Roster that the budget can hold, rounded up to whole
// seconds; zero while Roster is empty. The tenant's rate must be valid.
func (t *Tenant) LeastInterval() time.Duration {
	least := time.Duration(float64(t.Requests()) / float64(t.Rate.Budget()) * float64(t.Rate.Per))
	return (least + time.Second - 1).Truncate(time.Second)
}
