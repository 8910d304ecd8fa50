package graphsim

import "time"

// clock maps real time to simulated time. It remembers every change of pace, so that past moments map as they did when
// they were the present. It is not safe for concurrent use.
type clock struct {
	speed      float64
	skipNights bool
	marks      []mark // in order of real time, never empty
}

// mark is a real moment at which the pace changed, and the simulated time from which it goes on.
type mark struct {
	wall, sim time.Time
	frozen    bool
}

func newClock(cfg Config, wall time.Time) *clock {
	return &clock{
		speed:      cfg.Speed,
		skipNights: cfg.SkipNights,
		marks:      []mark{{wall: wall, sim: cfg.Start, frozen: cfg.Frozen}},
	}
}

// at returns the simulated time at a real time. Before the start it is the start.
func (c *clock) at(wall time.Time) time.Time {
	i := len(c.marks) - 1
	for i > 0 && wall.Before(c.marks[i].wall) {
		i--
	}
	m := c.marks[i]
	elapsed := wall.Sub(m.wall)
	if m.frozen || elapsed < 0 {
		return m.sim
	}
	return c.add(m.sim, time.Duration(float64(elapsed)*c.speed))
}

// realOf returns the real time at which simulated time reached sim. A simulated moment that was jumped over was reached
// at the jump. One before the start is placed as far before it as the speed says.
func (c *clock) realOf(sim time.Time) time.Time {
	i := len(c.marks) - 1
	for i > 0 && !sim.After(c.marks[i].sim) {
		i--
	}
	m := c.marks[i]
	wall := m.wall.Add(time.Duration(float64(c.between(m.sim, sim)) / c.speed))
	if i+1 < len(c.marks) && (m.frozen || wall.After(c.marks[i+1].wall)) && sim.After(m.sim) {
		return c.marks[i+1].wall
	}
	return wall
}

// freeze stops or restarts simulated time at a real time. Freezing twice is freezing once.
func (c *clock) freeze(wall time.Time, frozen bool) {
	if c.marks[len(c.marks)-1].frozen != frozen {
		c.marks = append(c.marks, mark{wall: wall, sim: c.at(wall), frozen: frozen})
	}
}

// frozen reports whether simulated time stands still now.
func (c *clock) frozen() bool { return c.marks[len(c.marks)-1].frozen }

// advance jumps forward by d of simulated time, frozen or not.
func (c *clock) advance(wall time.Time, d time.Duration) {
	last := c.marks[len(c.marks)-1]
	c.marks = append(c.marks, mark{wall: wall, sim: c.add(c.at(wall), d), frozen: last.frozen})
}

func (c *clock) add(sim time.Time, d time.Duration) time.Time {
	if !c.skipNights {
		return sim.Add(d)
	}
	return atWorked(worked(sim) + d)
}

func (c *clock) between(from, to time.Time) time.Duration {
	if !c.skipNights {
		return to.Sub(from)
	}
	return worked(to) - worked(from)
}

// The hours that remain when nights are skipped.
const (
	dayOpens = 7*time.Hour + 30*time.Minute
	dayWorks = 10*time.Hour + 30*time.Minute
	week     = 7 * 24 * time.Hour
)

// workEpoch returns the Monday from which worked time is counted.
func workEpoch() time.Time { return time.Date(1999, time.January, 4, 0, 0, 0, 0, time.UTC) }

// worked returns the opening hours that passed between workEpoch and t.
func worked(t time.Time) time.Duration {
	since := t.Sub(workEpoch())
	weeks, rest := since/week, since%week
	day, hour := rest/(24*time.Hour), rest%(24*time.Hour)
	if day >= 5 {
		return (weeks + 1) * 5 * dayWorks
	}
	return (weeks*5+day)*dayWorks + min(max(hour-dayOpens, 0), dayWorks)
}

// atWorked is the inverse of worked; the end of one day is the beginning of the next.
func atWorked(d time.Duration) time.Time {
	days, rest := d/dayWorks, d%dayWorks
	weeks, day := days/5, days%5
	return workEpoch().Add(weeks*week + day*24*time.Hour + dayOpens + rest)
}
