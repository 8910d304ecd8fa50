package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// scene is a daemon to which a fault happens.
type scene struct {
	*process
	url  string // of its HTTP
	harm func() // causes the fault; nil: it is there from the start

	before string // its metrics before the fault
}

// healthRow is one line of the table in docs/health.md.
type healthRow struct {
	fault                    string
	status                   int // 0: nothing is asked, because the process ends
	ready, metric, log, exit string
}

var quoted = regexp.MustCompile("`([^`]*)`")

func healthTable(t *testing.T) []healthRow {
	t.Helper()
	_, table, ok := strings.Cut(readFile(t, "docs/health.md"), "|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("docs/health.md has no table")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []healthRow
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 {
			t.Fatalf("%d cells in %q", len(cells), line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		r := healthRow{fault: cells[0], ready: cells[1], metric: cells[2], log: cells[3], exit: cells[4]}
		if r.ready != "" {
			r.status, _ = strconv.Atoi(r.ready[:3])
		}
		rows = append(rows, r)
	}
	return rows
}

// TestHealthTellsTheTruth causes every fault of docs/health.md for real and holds
// the row against what presenced says. The faults happen side by side, because most
// of the time is waiting.
func TestHealthTellsTheTruth(t *testing.T) {
	t.Parallel()
	faults := healthFaults()
	rows := healthTable(t)
	scenes := make([]*scene, len(rows))
	for i, r := range rows {
		set, ok := faults[r.fault]
		if !ok {
			t.Fatalf("docs/health.md has a fault that nothing causes: %s", r.fault)
		}
		delete(faults, r.fault)
		scenes[i] = set(t)
	}
	for fault := range faults {
		t.Errorf("docs/health.md does not speak of: %s", fault)
	}
	for i, r := range rows {
		if s := scenes[i]; s.harm != nil {
			s.awaitReady(s.url)
			_, s.before = ask(s.url + "/metrics")
			s.harm()
		}
		if r.exit != "runs on" { // there is not much time to ask
			t.Run(r.fault, func(t *testing.T) { scenes[i].want(t, r) })
		}
	}
	for i, r := range rows {
		if r.exit == "runs on" {
			t.Run(r.fault, func(t *testing.T) { scenes[i].want(t, r) })
		}
	}
}

func (s *scene) want(t *testing.T, r healthRow) {
	t.Helper()
	s.t = t
	if r.status != 0 {
		s.await("readyz: "+r.ready, func() bool {
			code, text := ask(s.url + "/readyz?verbose")
			return code == r.status && holds(text, r.ready)
		})
		s.await("metric: "+r.metric, func() bool {
			_, text := ask(s.url + "/metrics")
			return s.shows(text, r.metric)
		})
		if code, text := ask(s.url + "/livez"); code != 200 && r.exit == "runs on" {
			t.Errorf("livez: %d %s, want 200: a restart does not help", code, text)
		}
	}
	s.await("log: "+r.log, func() bool {
		var parts []string
		for _, m := range quoted.FindAllStringSubmatch(r.log, -1) {
			parts = append(parts, m[1])
		}
		return s.said(parts...) > 0
	})
	if r.exit == "runs on" {
		select {
		case <-s.ended:
			t.Errorf("it ended: %v\n%s", s.cmd.ProcessState, s.stderr.String())
		default:
		}
		return
	}
	if state := s.awaitEnd(); strconv.Itoa(state.ExitCode()) != r.exit {
		t.Errorf("ended with %v, want %s:\n%s", state, r.exit, s.stderr.String())
	}
}

// holds reports whether one line of the text has everything that is quoted.
func holds(text, cell string) bool {
	parts := quoted.FindAllStringSubmatch(cell, -1)
	for line := range strings.SplitSeq(text, "\n") {
		all := true
		for _, m := range parts {
			all = all && strings.Contains(line, m[1])
		}
		if all {
			return true
		}
	}
	return false
}

// shows reports whether the metrics have the quoted line, or one that has risen
// since before the fault.
func (s *scene) shows(text, cell string) bool {
	name := quoted.FindStringSubmatch(cell)[1]
	if strings.HasSuffix(cell, "rises") {
		return sample(text, name) > sample(s.before, name)
	}
	return strings.Contains(text, "\n"+name+"\n")
}

func sample(text, name string) float64 {
	for line := range strings.SplitSeq(text, "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseFloat(value, 64)
			return n
		}
	}
	return 0
}
