//go:build replicas

package replicas_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"presenced/presence"
)

// epochs is how often tenants were taken over, of all of them.
func (r *rig) epochs() int {
	newest := make(map[string]uint64)
	r.each(func(l *life) {
		for _, c := range l.tap.owners {
			newest[c.tenant] = max(newest[c.tenant], c.Epoch)
		}
	})
	n := 0
	for _, epoch := range newest {
		n += int(epoch)
	}
	return n
}

// busiest is the fullest window of each tenant, and what it may hold.
func (r *rig) busiest() string {
	var parts []string
	for _, n := range r.tenants.list {
		for _, app := range r.tenants.Stats().Apps {
			if app.ClientID == n.ClientID {
				parts = append(parts, fmt.Sprintf("%s %d of %d", n.name, app.MaxInWindow, n.allowed))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// restless counts those who never changed and have no event or several.
func (r *rig) restless(s story) int {
	events := make(map[presence.UserID]int)
	for _, l := range s.lines {
		events[l.Event.User]++
	}
	wrong := 0
	for _, n := range r.tenants.list {
		for user := range n.still {
			if n.still[user] && events[user] != 1 {
				wrong++
			}
		}
	}
	return wrong
}

// owners is who claimed what when, and when each life began and ended: what is
// needed to understand a failure.
func (r *rig) owners() string {
	type moment struct {
		at   time.Time
		text string
	}
	var all []moment
	r.each(func(l *life) {
		all = append(all, moment{l.Started, l.name + " starts"})
		if l.IsOver() {
			all = append(all, moment{l.Left, fmt.Sprintf("%s is over: %v", l.name, l.ProcessState)})
		}
		last := make(map[string]uint64)
		for _, c := range l.tap.owners {
			if last[c.tenant] != c.Epoch || c.Released {
				last[c.tenant] = c.Epoch
				all = append(all, moment{c.at, fmt.Sprintf("%s claims %s, epoch %d, released %t", l.name, c.tenant, c.Epoch, c.Released)})
			}
		}
		requests := l.front.all()
		for i, q := range requests {
			took := q.whole.Sub(q.asked)
			if q.whole.IsZero() || took > time.Second || i == len(requests)-1 {
				turns, closed := q.wire.state()
				all = append(all, moment{q.asked, fmt.Sprintf("%s asks for %d from %s on: answered after %v; request %d of %d, connection closed %s",
					l.name, len(q.ids), q.ids[0], took.Round(time.Millisecond), q.turn, turns, closed.UTC().Format("15:04:05.000"))})
			}
		}
	})
	slices.SortFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, m := range all {
		fmt.Fprintf(&text, "%s %s\n", m.at.UTC().Format("15:04:05.000"), m.text)
	}
	return text.String()
}

// casualties are the processes that ended by themselves, and their last words.
func (r *rig) casualties() []string {
	var gone []string
	r.each(func(l *life) {
		if l.endedByItself() {
			gone = append(gone, fmt.Sprintf("%s: %v: %s", l.name, l.ProcessState, l.journal.LastWords()))
		}
	})
	return gone
}
