package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"presenced/board"
	"presenced/worker"
)

// stuckAfter is how long a tenant's goroutine may not come round. Nothing that it
// waits for lasts a third of that, whatever NATS and Graph do.
const stuckAfter = time.Minute

// live tells whether the process should be restarted: only a hang is mended so.
func (d *daemon) live() error {
	for _, t := range *d.tenants.Load() {
		if err := stuck(t.status(), time.Now()); err != nil {
			return fmt.Errorf("tenant %s: %w", t.cfg.Name, err)
		}
	}
	return nil
}

func stuck(s worker.Status, now time.Time) error {
	if silent := now.Sub(s.Turned); !s.Turned.IsZero() && silent > stuckAfter {
		return fmt.Errorf("hangs: its loop has not come round for %s", silent.Round(time.Second))
	}
	return nil
}

// checks are the conditions of readiness. They are asked for at each request,
// because tenants come and go with the configuration.
func (d *daemon) checks() []board.Check {
	checks := []board.Check{{Name: "nats", Probe: d.checkNATS}, {Name: "log", Probe: d.checkLog}}
	if d.cfg.UsesEmbedded() {
		checks = append(checks, board.Check{Name: "store", Probe: d.checkStore})
	}
	for _, t := range *d.tenants.Load() {
		checks = append(checks, board.Check{
			Name:   "tenant " + t.cfg.Name,
			Probe:  func(context.Context) error { return d.fresh(t, time.Now()) },
			Detail: func() string { return t.describe(time.Now()) },
		})
	}
	return checks
}

func (d *daemon) checkNATS(context.Context) error {
	switch {
	case d.conn == nil:
		return errors.New("not connected")
	case !d.conn.IsConnected():
		if cause := d.conn.LastError(); cause != nil {
			return fmt.Errorf("not connected to %s: %w", d.where(), cause)
		}
		return fmt.Errorf("not connected to %s", d.where())
	}
	return nil
}

func (d *daemon) checkLog(context.Context) error {
	if d.events.Load() != nil {
		return nil
	}
	if cause := d.unopened.Load(); cause != nil {
		return fmt.Errorf("not open yet: %w", *cause)
	}
	return errors.New("not open yet")
}

func (d *daemon) checkStore(context.Context) error {
	if d.embedded == nil || d.store == nil {
		return errors.New("not started yet")
	}
	if err := d.store.state(time.Now()); err != nil {
		return err
	}
	return d.embedded.Healthz()
}

// fresh reports why a tenant is not seen as it should be, or why nobody began to.
func (d *daemon) fresh(t *tenancy, now time.Time) error {
	switch {
	case t.worker.Load() != nil:
		return fresh(t.status(), now)
	case d.events.Load() == nil:
		return errors.New("waits for the log, which is not open yet")
	}
	if err := t.graph.trouble(); err != nil {
		return fmt.Errorf("its users are not known yet: %w", err)
	}
	return errors.New("its users are not known yet")
}

// fresh reports why a tenant is not seen as it should be. A replica that stands by
// is ready: that is its job.
func fresh(s worker.Status, now time.Time) error {
	if err := stuck(s, now); err != nil {
		return err
	}
	switch {
	case s.Trouble != nil:
		return s.Trouble
	case s.StandsBy:
		return nil
	case !s.Owns:
		return errors.New("its last-known state is not loaded yet")
	case s.LastSweep.IsZero():
		return fmt.Errorf("no sweep got an answer yet: %w", refusal(s))
	case now.Sub(s.LastSweep) > 3*s.Interval:
		return fmt.Errorf("no sweep got an answer for %s: %w", now.Sub(s.LastSweep).Round(time.Second), refusal(s))
	}
	return nil
}

// refusal is why there is no answer, as far as it is known before the sweep ends.
func refusal(s worker.Status) error {
	if s.Refusal == nil {
		return errors.New("the one under way has no answer yet")
	}
	return s.Refusal
}

// describe is what the tenant is doing; nothing before it does anything.
func (t *tenancy) describe(now time.Time) string {
	if t.worker.Load() == nil {
		return ""
	}
	return describe(t.status(), now)
}

// describe is what a tenant is doing, in words.
func describe(s worker.Status, now time.Time) string {
	var words []string
	switch {
	case s.Owns:
		words = append(words, fmt.Sprintf("owns it in epoch %d", s.Epoch))
	case s.StandsBy:
		words = append(words, "stands by")
	default:
		words = append(words, "acquiring")
	}
	if !s.LastSweep.IsZero() {
		words = append(words, fmt.Sprintf("last answered sweep %s ago", now.Sub(s.LastSweep).Round(100*time.Millisecond)))
	}
	if s.Source != "" && s.Owns {
		text := "source " + string(s.Source)
		if s.Cause != "" {
			text += ": " + string(s.Cause)
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}
