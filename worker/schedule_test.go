package worker_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/worker"
)

func TestCheckSpec(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		// What is fine.
		"@every 15s":                          "",
		"@every 1h30m":                        "",
		"@hourly":                             "",
		"*/5 * * * *":                         "",
		"*/10 * 8-17 * * 1-5":                 "",
		"CRON_TZ=Europe/Berlin 30 2 * * *":    "",
		"TZ=America/New_York 0 9 * * MON-FRI": "",
		"CRON_TZ=Europe/Berlin @every 15s":    "",
		"0,30 7-19/2 * * *":                   "",
		// What panics in the library.
		"TZ=UTC":                "has no fields",
		"CRON_TZ=Europe/Berlin": "has no fields",
		"TZ=0":                  "has no fields",
		"TZ=":                   "has no fields",
		// What it takes in silence.
		"@every 0s":      "want whole seconds",
		"@every -5s":     "want whole seconds",
		"@every 500ms":   "want whole seconds",
		"@every 1500ms":  "want whole seconds",
		"@every 25h":     "want 24h or less",
		"0 0 30 2 *":     "never fires",
		"*/90 * * * *":   "step /90",
		"*/60 * * * * *": "step /60",
		"0 */24 * * *":   "step /24",
		// What it refuses, in words of ours beside its own.
		"":                               "has no fields",
		"   ":                            "has no fields",
		"@every 1d":                      "is no duration",
		"@every":                         "unrecognized descriptor",
		"@EVERY 15s":                     "unrecognized descriptor",
		"* * * *":                        "five fields",
		"* * * * * * *":                  "five fields",
		"0 0 * * 7":                      "Sunday is 0",
		"61 * * * *":                     "five fields",
		"hello":                          "five fields",
		"CRON_TZ=Mars/Olympus * * * * *": "Mars/Olympus",
	} {
		err := worker.CheckSpec(spec)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", spec, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q in it", spec, err, want)
		}
	}
}

// Whatever is pasted into the wrong place is not repeated whole.
func TestCheckSpecIsBrief(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("hé", 2000)
	for _, spec := range []string{long, long + " 0", "0 0 " + long + " 1 1", "@every " + long, "@" + long, "CRON_TZ=" + long + " * * * * *", "*/" + long + " * * * *"} {
		if err := worker.CheckSpec(spec); err == nil || len(err.Error()) > 300 || strings.ContainsRune(err.Error(), '\ufffd') {
			t.Errorf("%.20s…: %v, want a brief refusal", spec, err)
		}
	}
}

func TestScheduleNext(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		specs []string
		from  string
		want  []string
	}{
		"interval":                  {[]string{"@every 15s"}, "2026-11-23T09:00:00Z", []string{"09:00:15", "09:00:30"}},
		"union":                     {[]string{"*/30 * * * *", "*/20 * * * *"}, "2026-11-23T09:00:00Z", []string{"09:20:00", "09:30:00", "09:40:00", "10:00:00", "10:20:00"}},
		"seconds first":             {[]string{"*/20 * 9 * * *"}, "2026-11-23T09:59:00Z", []string{"09:59:20", "09:59:40", "09:00:00"}},
		"UTC without a zone":        {[]string{"0 9 * * *"}, "2026-07-01T00:00:00Z", []string{"09:00:00"}},
		"zone in summer":            {[]string{"CRON_TZ=Europe/Berlin 0 9 * * *"}, "2026-07-01T00:00:00Z", []string{"07:00:00"}},
		"zone in winter":            {[]string{"CRON_TZ=Europe/Berlin 0 9 * * *"}, "2026-12-01T00:00:00Z", []string{"08:00:00"}},
		"interval over a lost hour": {[]string{"CRON_TZ=Europe/Berlin @every 1h"}, "2026-03-29T00:30:00Z", []string{"01:30:00", "02:30:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := worker.ParseSchedule(tc.specs)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, tc.from)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				at = s.Next(at)
				if got := at.UTC().Format(time.TimeOnly); got != want {
					t.Fatalf("next = %s, want %s", got, want)
				}
			}
		})
	}
}

func TestParseScheduleTellsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := worker.ParseSchedule([]string{"TZ=UTC", "@every 15s", "@every 0s"})
	if err == nil || !strings.Contains(err.Error(), `"TZ=UTC"`) || !strings.Contains(err.Error(), `"@every 0s"`) {
		t.Errorf("error = %v, want both specs in it", err)
	}
	if _, err := worker.ParseSchedule(nil); err == nil {
		t.Error("no schedule at all was taken")
	}
}

func TestScheduleWarnings(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for spec, warns := range map[string]bool{
		"CRON_TZ=Europe/Berlin 30 2 * * *":   true,
		"CRON_TZ=Europe/Berlin 0 30 2 * * *": true,
		"CRON_TZ=Europe/Berlin */5 * * * *":  false,
		"CRON_TZ=Asia/Tokyo 30 2 * * *":      false,
		"30 2 * * *":                         false,
		"CRON_TZ=Europe/Berlin @every 15s":   false,
	} {
		if got := len(worker.ScheduleWarnings([]string{spec}, now)) > 0; got != warns {
			t.Errorf("%q: warns %t, want %t", spec, got, warns)
		}
	}
}

// A cron schedule drives sweeps over a whole day, without drift, doubles or holes.
func TestADayBySchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		schedule, err := worker.ParseSchedule([]string{"*/5 * * * *"})
		if err != nil {
			t.Fatal(err)
		}
		w.config.Schedule = schedule
		w.start()
		w.after(24 * time.Hour)
		w.stop()
		if n := len(w.observer.swept()); n < 288 || n > 290 { // one at start, one each five minutes
			t.Errorf("%d sweeps in a day, want 289", n)
		}
	})
}

func FuzzCheckSpec(f *testing.F) {
	for _, s := range []string{"@every 15s", "TZ=UTC", "CRON_TZ= * * * * *", "*/5 * * * *", "0 0 30 2 *", "\x00", "1-0 * * * *", "*/0 * * * *", "@every 9999999h"} {
		f.Add(s)
	}
	from := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, spec string) {
		if worker.CheckSpec(spec) != nil {
			return
		}
		s, err := worker.ParseSchedule([]string{spec})
		if err != nil {
			t.Fatalf("%q passes the check and fails to parse: %v", spec, err)
		}
		if next := s.Next(from); !next.After(from) {
			t.Errorf("%q: next after %s is %s", spec, from, next)
		}
	})
}

func BenchmarkSchedule(b *testing.B) {
	s, err := worker.ParseSchedule([]string{"*/10 * 8-17 * * 1-5", "@every 15m"})
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for b.Loop() {
		at = s.Next(at)
	}
}

// A moment with a monotonic reading has a next one with it, which stays the same time
// away when somebody sets the wall clock.
func TestNextIsMonotonic(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"@every 15s", "*/15 * * * * *", "0 8 * * 1"} {
		s, err := worker.ParseSchedule([]string{spec})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		next := s.Next(now)
		if want := next.Round(0).Sub(now.Round(0)); next.Sub(now) != want || !strings.Contains(next.String(), " m=+") {
			t.Errorf("%s: next after %v is %v, want a monotonic reading %v later", spec, now, next, want)
		}
	}
}
