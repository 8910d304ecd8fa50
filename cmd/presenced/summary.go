package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"presenced/audit"
	"presenced/configs"
	"presenced/presence"
	"presenced/publisher"
)

// summary is what a demo came to. Events are counted by reading the log back,
// everything served by the simulated tenant itself.
type summary struct {
	People          int       `json:"people"`
	Sweeps          int       `json:"sweeps"`
	Requests        int       `json:"requests"`
	Served          int       `json:"served_changes"`
	Changes         int       `json:"change_events"`
	Snapshots       int       `json:"snapshot_events"`
	Duplicates      int       `json:"duplicates"`
	Missing         int       `json:"missing"`
	Invented        int       `json:"invented"`
	BrokenRevisions int       `json:"broken_revisions"`
	MaxIn30s        int       `json:"max_requests_in_30s"`
	Detection       detection `json:"detection_ms"`

	limit int // what MaxIn30s may be
}

// wrong is what the demo promised and did not keep; nil if it kept all.
func (s summary) wrong() error {
	var faults []string
	for _, f := range []struct {
		count int
		what  string
	}{
		{s.Missing, "missing"}, {s.Duplicates, "duplicates"}, {s.Invented, "invented"}, {s.BrokenRevisions, "broken revisions"},
	} {
		if f.count > 0 {
			faults = append(faults, fmt.Sprintf("%d %s", f.count, f.what))
		}
	}
	if s.Served != s.Changes {
		faults = append(faults, fmt.Sprintf("%d changes served and %d change events", s.Served, s.Changes))
	}
	if s.MaxIn30s > s.limit {
		faults = append(faults, fmt.Sprintf("%d requests in 30 s, at most %d are allowed", s.MaxIn30s, s.limit))
	}
	if len(faults) == 0 {
		return nil
	}
	return errors.New("the log is wrong: " + strings.Join(faults, ", "))
}

// detection is the time from a change in the model to its event in the log.
type detection struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func summarize(ctx context.Context, sim *simulation, log *publisher.Log, sweeps int, tenant configs.Tenant) (summary, error) {
	served := make(map[presence.UserID][]audit.Run)
	for id, runs := range sim.Served() {
		for _, r := range runs {
			served[presence.UserID(id)] = append(served[presence.UserID(id)], audit.Run{
				Presence: presence.Presence{Availability: presence.Canonical(r.Availability), Activity: presence.Canonical(r.Activity)},
				Since:    r.Since, First: r.First, Last: r.Last, Times: r.Times,
			})
		}
	}
	entries, err := readLog(ctx, log)
	if err != nil {
		return summary{}, err
	}
	r := audit.Compare(served, entries, audit.Rule{UnknownAfter: tenant.UnknownAfter})
	stats := sim.Stats()
	return summary{
		People: r.People, Sweeps: sweeps, Requests: stats.Requests, Served: r.Served, Changes: r.Changes, Snapshots: r.Snapshots,
		Duplicates: r.Duplicates, Missing: r.Missing, Invented: r.Invented, BrokenRevisions: r.Broken, MaxIn30s: stats.MaxInWindow,
		Detection: detection{milliseconds(r.Percentile(0.5)), milliseconds(r.Percentile(0.99))},
		limit:     tenant.Rate.Requests,
	}, nil
}

// readLog is every event about a user that the log holds, in order.
func readLog(ctx context.Context, log *publisher.Log) ([]audit.Entry, error) {
	var entries []audit.Entry
	var broken error
	err := log.Replay(ctx, log.Subject("*.user.>"), 0, func(r publisher.Record) {
		e, err := presence.ParseEvent(r.Payload)
		if err != nil && broken == nil {
			broken = fmt.Errorf("message %d of the log: %w", r.Sequence, err)
		}
		entries = append(entries, audit.Entry{Event: e, Stored: r.Stored})
	})
	if err != nil {
		return nil, err
	}
	return entries, broken
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s summary) print(out *output) error {
	if out.json() {
		return json.NewEncoder(out.data).Encode(s)
	}
	verdict := "the log tells exactly what was served"
	if s.wrong() != nil {
		verdict = "THE LOG IS WRONG"
	}
	_, err := fmt.Fprintf(out.data, `
%s, %s, %s (at most %d in 30 s)
%s served, %s and %s in the log
%s, %d missing, %d invented, %d broken revisions: %s
from a change to its event: %.0f ms for half of them, %.0f ms for 99 of 100
`, counted(s.People, "person", "people"), counted(s.Sweeps, "sweep", "sweeps"), counted(s.Requests, "request", "requests"), s.MaxIn30s,
		counted(s.Served, "change", "changes"), counted(s.Changes, "change event", "change events"), counted(s.Snapshots, "snapshot", "snapshots"),
		counted(s.Duplicates, "duplicate", "duplicates"), s.Missing, s.Invented, s.BrokenRevisions, verdict, s.Detection.P50, s.Detection.P99)
	return err
}
