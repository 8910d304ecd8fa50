package chaos_test

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
	"presenced/trial"
)

// TestWallClock sets the wall clock of a daemon and its server to and fro, by an hour
// and by a year, while the world's goes on. It sweeps as if nothing had happened, by
// either kind of schedule, and its log tells what was served.
func TestWallClock(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	built := buildWithWallClock(t)
	for _, schedule := range []string{"@every 1s", "* * * * * *"} {
		t.Run(schedule, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "presenced")
			if err := os.Link(built, program); err != nil {
				t.Fatal(err)
			}
			n := newTenant(t, graphsim.Config{Users: 300, Speed: 600, SkipNights: true}, trial.BySecond, schedule)
			n.more = "nats: {stream: {history: 87600h}}" // or the server would take events of a wrong year for old
			d := n.startProgram(t, program)
			d.awaitSweeps(2)
			settings := []time.Duration{time.Hour, 0, -time.Hour, 0, year, 0, -year, time.Hour, -year, 0}
			for _, by := range settings {
				setWallClock(t, program, by)
				asked := d.front.asks()
				d.await("requests with the clock set by "+by.String(), func() bool { return d.front.asks() >= asked+3 })
			}
			d.awaitSweeps(d.swept() + 2)
			d.stop()

			var a trial.Account
			a.Close(n.Served())
			s := read(t, n.store)
			report := a.Compare(s.Entries)
			wantClean(t, report, &a, s.Entries)
			wantOneSnapshotEach(t, s.Entries, n.UserIDs(), nil)
			wantWithinLimit(t, n.Stats(), 1500)
			if report.Changes < 100 {
				t.Errorf("%d changes: that proves nothing", report.Changes)
			}
			if _, ok := d.journal.Said("the wall clock moved by itself: it was set, or the machine slept"); !ok {
				t.Error("the daemon does not say that its clock was set")
			}
			if silent := d.front.silence(); silent > 10*time.Second {
				t.Errorf("for %v nobody was asked for, want a sweep each second", silent)
			}
			t.Logf("%d changes, %d events, clock set %d times, nobody asked for %v at most", report.Served, report.Changes, len(settings), d.front.silence())
		})
	}
}

// hand is a file for the program that sets its wall clock.
//
//go:embed testdata/wallclock.go.txt
var hand string

// buildWithWallClock builds the daemon with a wall clock that can be set beside the
// machine's. That has to be done inside of time.Now: elsewhere nobody sees both of
// the clocks that it reads.
func buildWithWallClock(t *testing.T) (program string) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), now) != 1 {
		t.Fatalf("%s does not hold %q once: mend this test", file, now)
	}
	dir := t.TempDir()
	if err := trial.BuildOver(dir, map[string]string{
		file: strings.Replace(string(source), now, "var WallClock [1]int64\n\n"+now+"\tsec += WallClock[0]\n", 1),
		filepath.Join("..", "cmd", "presenced", "wallclock.go"): hand,
	}, trial.Presenced); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "presenced")
}

// setWallClock sets the clock of the program at that path.
func setWallClock(t *testing.T, program string, by time.Duration) {
	t.Helper()
	if err := os.WriteFile(program+".next", []byte(by.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(program+".next", program+".clock"); err != nil {
		t.Fatal(err)
	}
}
