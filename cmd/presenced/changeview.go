package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"presenced/presence"
	"presenced/publisher"
)

// changeView shows changes on a terminal as they come, with the counts below.
type changeView struct {
	out  *output
	sim  *simulation
	live bool // the last line can be rewritten

	mu        sync.Mutex
	changes   int
	snapshots int
}

func newChangeView(out *output, sim *simulation) *changeView {
	return &changeView{out: out, sim: sim, live: isTerminal(out.data)}
}

// follow shows events until ctx ends.
func (v *changeView) follow(ctx context.Context, log *publisher.Log) error {
	if v.out.json() {
		return nil
	}
	return log.Follow(ctx, log.Subject("*.user.>"), func(r publisher.Record) {
		if e, err := presence.ParseEvent(r.Payload); err == nil {
			v.show(e)
		}
	})
}

func (v *changeView) show(e presence.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.Kind == presence.KindSnapshot {
		v.snapshots++
	} else {
		v.changes++
		v.erase()
		fmt.Fprintln(v.out.data, eventLine(e, v.live && !noColour()))
	}
	if v.live {
		v.erase()
		s := v.sim.Stats()
		fmt.Fprintf(v.out.data, "%s in the simulation · %d people seen · %d changes · %d requests, at most %d in 30 s",
			v.sim.Simulated().Format("Mon 15:04"), v.snapshots, v.changes, s.Requests, s.MaxInWindow)
	}
}

func (v *changeView) erase() {
	if v.live {
		fmt.Fprint(v.out.data, "\r\x1b[K")
	}
}

// eventLine is an event for people: when it was observed, who, and from what to
// what.
func eventLine(e presence.Event, colour bool) string {
	before, after := "", string(e.Kind)
	if e.Before != nil {
		before = words(e.Before.Presence)
	}
	if e.After != nil {
		after = words(*e.After)
		if colour {
			after = colourOf(*e.After) + after + "\x1b[0m"
		}
	}
	return fmt.Sprintf("%s  %s  %-32s → %s", e.Observed.At.Local().Format(time.TimeOnly), e.User, before, after)
}

func words(p presence.Presence) string {
	if p.Availability == p.Activity {
		return p.Availability
	}
	return p.Availability + "/" + p.Activity
}

func colourOf(p presence.Presence) string {
	switch p.Availability {
	case "Available", "AvailableIdle":
		return "\x1b[32m"
	case "Busy", "BusyIdle", "DoNotDisturb":
		return "\x1b[31m"
	case "Away", "BeRightBack":
		return "\x1b[33m"
	}
	return "\x1b[90m"
}
