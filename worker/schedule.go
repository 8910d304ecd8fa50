package worker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // CRON_TZ works in an image without a zone database

	"github.com/robfig/cron/v3"
)

// Schedule says when sweeps are due: at every moment that one of its specs names.
// The zero Schedule never fires.
type Schedule []cron.Schedule

// ParseSchedule reads specs in robfig/cron's syntax: five fields, or six with
// seconds first, or a descriptor such as @every 15s, with CRON_TZ=zone before it
// if the zone is not UTC.
//
// The library is used as parser and for [Schedule.Next], no more: its runner has
// no context and no first run, and it accepts specs that panic, never fire or
// fire without pause, which are refused here (docs/adr/0006-cron.md).
func ParseSchedule(specs []string) (Schedule, error) {
	var s Schedule
	var errs []error
	for _, spec := range specs {
		parsed, err := parseSpec(spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("schedule %q: %w", spec, err))
			continue
		}
		s = append(s, parsed)
	}
	if len(specs) == 0 {
		errs = append(errs, errors.New("schedule: none given, want at least one such as @every 15s"))
	}
	return s, errors.Join(errs...)
}

// CheckSpec reports what is wrong with one spec; nil if nothing is.
func CheckSpec(spec string) error {
	_, err := parseSpec(spec)
	return err
}

// Next is the first moment after t at which a sweep is due, by the wall clock as t
// has it; zero if there is none. If t has a monotonic reading, so has Next: the span
// between them is then no matter of who sets the wall clock meanwhile.
func (s Schedule) Next(t time.Time) time.Time {
	var next time.Time
	for _, spec := range s {
		if n := spec.Next(t); !n.IsZero() && (next.IsZero() || n.Before(next)) {
			next = t.Add(n.Sub(t))
		}
	}
	return next
}

// byWallClock reports whether a spec names times of the day: all do but @every.
func (s Schedule) byWallClock() bool {
	return slices.ContainsFunc(s, func(spec cron.Schedule) bool {
		_, steady := spec.(cron.ConstantDelaySchedule)
		return !steady
	})
}

var parser = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

func parseSpec(spec string) (parsed cron.Schedule, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser slices without looking
			parsed, err = nil, fmt.Errorf("unreadable: %v", p)
		}
	}()
	zone, fields := splitZone(spec)
	switch {
	case strings.TrimSpace(fields) == "":
		return nil, errors.New("has no fields, want five, such as */5 * * * *, or @every 15s")
	case strings.HasPrefix(fields, "@"):
		if err := checkDescriptor(fields); err != nil {
			return nil, err
		}
	default:
		if err := checkSteps(strings.Fields(fields)); err != nil {
			return nil, err
		}
	}
	parsed, err = parser.Parse(zone + fields)
	if err != nil {
		return nil, fmt.Errorf("%s; want five fields (minute hour day month weekday, Sunday is 0), six with seconds first, or @every 15s", brief(err.Error()))
	}
	if parsed.Next(time.Now()).IsZero() {
		return nil, errors.New("never fires, such as on a 30 February; give a date that exists")
	}
	return parsed, nil
}

// brief cuts what is quoted: the parser repeats all of a spec, and a spec can be a
// file pasted into the wrong place.
func brief(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// splitZone parts "CRON_TZ=zone " from the fields. Without a zone the fields are
// read in UTC: a fixed hour in a zone with summer time is skipped on one day of
// the year and comes twice on another.
func splitZone(spec string) (zone, fields string) {
	if strings.HasPrefix(spec, "CRON_TZ=") || strings.HasPrefix(spec, "TZ=") {
		zone, fields, _ = strings.Cut(spec, " ")
		return zone + " ", strings.TrimSpace(fields)
	}
	return "CRON_TZ=UTC ", strings.TrimSpace(spec)
}

// checkDescriptor refuses what the library takes in silence: it cuts @every to
// whole seconds and accepts zero and less.
func checkDescriptor(fields string) error {
	every, ok := strings.CutPrefix(fields, "@every ")
	if !ok {
		return nil
	}
	d, err := time.ParseDuration(strings.TrimSpace(every))
	switch {
	case err != nil:
		return fmt.Errorf("%q is no duration, want one such as 15s or 5m (a day is 24h)", brief(every))
	case d < time.Second || d%time.Second != 0:
		return fmt.Errorf("interval is %s, want whole seconds, 1s or more", d)
	case d > 24*time.Hour:
		return fmt.Errorf("interval is %s, want 24h or less", d)
	}
	return nil
}

// checkSteps refuses steps wider than their field, which would fire once a round.
func checkSteps(fields []string) error {
	sizes := []int{60, 60, 24, 31, 12, 7}
	if len(fields) == 5 {
		sizes = sizes[1:]
	}
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			_, step, ok := strings.Cut(part, "/")
			if n, err := strconv.Atoi(step); ok && i < len(sizes) && err == nil && n >= sizes[i] {
				return fmt.Errorf("step /%d in field %d is as wide as the field's %d values, want a smaller one", n, i+1, sizes[i])
			}
		}
	}
	return nil
}

// ScheduleWarnings tells of specs that surprise: a fixed hour in a zone that
// changes its clocks.
func ScheduleWarnings(specs []string, now time.Time) []string {
	var warnings []string
	for _, spec := range specs {
		zone, fields := splitZone(spec)
		_, name, _ := strings.Cut(strings.TrimSpace(zone), "=")
		loc, err := time.LoadLocation(name)
		f := strings.Fields(fields)
		if err != nil || strings.HasPrefix(fields, "@") || len(f) < 5 || strings.HasPrefix(f[len(f)-4], "*") {
			continue
		}
		_, january := time.Date(now.Year(), 1, 1, 0, 0, 0, 0, loc).Zone()
		_, july := time.Date(now.Year(), 7, 1, 0, 0, 0, 0, loc).Zone()
		if january != july {
			warnings = append(warnings, fmt.Sprintf("schedule %q: %s changes its clocks: the hour that is skipped fires not at all, the one that repeats fires twice", spec, name))
		}
	}
	return warnings
}
