package configs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"presenced/configs"
	"presenced/worker"
)

// FuzzConfig: whatever the file holds, and wherever in it a secret stands, there is no panic, each fault names the file
// or a position, on one line, and nothing shows the secret.
func FuzzConfig(f *testing.F) {
	paths, err := filepath.Glob("testdata/bad-*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, len(data)/2)
	}
	f.Add([]byte(tenant), 0)
	f.Add([]byte(configs.Example()), 3000)
	f.Add([]byte("\ufefflog:\r\n  level: \x00"), 5)
	f.Add([]byte("nats: {url: 'nats://127.0.0.1/x'}"), 25)
	f.Add([]byte("tenants: [{users: {files: [a/b.txt]}}]"), 28)
	const canary = "Q8~s3cr3t_s3cr3t.s3cr3t-s3cr3t/s3cr3t_40"
	f.Fuzz(func(t *testing.T, data []byte, place int) {
		if place = max(0, min(place, len(data))); place%4 > 0 { // most, not all: it spoils what it stands in
			data = slices.Concat(data[:place], []byte(canary), data[place:])
		}
		cfg, _, err := configs.Parse("no-such-folder/p.yaml", data, inputs())
		if err == nil {
			again, _, err := configs.Parse("no-such-folder/p.yaml", data, inputs())
			if err != nil || len(again.Tenants) != len(cfg.Tenants) {
				t.Errorf("a second reading gave %v, %v", again, err)
			}
			return
		}
		var all *configs.Errors
		if !errors.As(err, &all) || len(all.Problems) == 0 || cfg != nil {
			t.Fatalf("got %v, %v, want *configs.Errors alone", cfg, err)
		}
		for _, p := range all.Problems {
			text := p.String()
			if p.File == "" || p.Got == "" || p.Want == "" || p.Mend == "" || p.Line < 0 || p.Column < 0 {
				t.Errorf("incomplete problem %+v", p)
			}
			if strings.Contains(text, canary) {
				t.Errorf("problem %q shows a secret", text)
			}
			if strings.ContainsAny(text, "\n\r\x1b") {
				t.Errorf("problem %q is more than one line", text)
			}
			if p.Line == 0 && p.Err == nil && len(strings.TrimSpace(string(data))) > 0 && !strings.Contains(text, "at least one tenant") {
				t.Errorf("problem %q has no position", text)
			}
		}
	})
}

// FuzzCron: whatever a schedule says, it is refused in one line that does not show much of it, or it is due again and
// again.
func FuzzCron(f *testing.F) {
	for _, seed := range []string{
		"@every 15s", "@every 0s", "@every 1d", "*/5 8-17 * * 1-5", "0 */5 * * * *", "CRON_TZ=Europe/Berlin 30 2 * * *", "TZ=UTC", "0 0 30 2 *", "* * * * 7", "*/90 * * * *",
		"@reboot", "TZ=0", "CRON_TZ=\x00 * * * * *", "1-0 * * * *", "*/0 * * * *", "@every -9223372036854775808ns", "0 0 29 2 *", "? ? ? ? ?", ",,,,", "Q8~s3cr3t_s3cr3t.s3cr3t-s3cr3t_40",
	} {
		f.Add(seed)
	}
	in := inputs()
	in.CheckSchedule = worker.CheckSpec
	in.ParseSchedules = func(specs []string) (configs.Timetable, error) { return worker.ParseSchedule(specs) }
	f.Fuzz(func(t *testing.T, spec string) {
		in := in
		in.Overrides = []configs.Override{{Key: "tenants[0].schedules", Value: spec, Origin: "--schedules"}}
		cfg, _, err := configs.Parse("p.yaml", []byte(tenant), in)
		if err != nil {
			if text := err.Error(); strings.Count(text, "\n") >= len(strings.Split(spec, "\n")) || len(text) > 600*(1+strings.Count(spec, "\n")) {
				t.Errorf("%q is refused in\n%s", spec, text)
			}
			return
		}
		schedule, err := worker.ParseSchedule(cfg.Tenants[0].Schedules)
		if err != nil {
			t.Fatalf("%q passes and cannot be parsed: %v", spec, err)
		}
		due := in.Now()
		for range 3 {
			next := schedule.Next(due)
			if !next.After(due) {
				t.Fatalf("%q is due at %s after %s", spec, next, due)
			}
			due = next
		}
	})
}

// FuzzSize: what ParseSize takes, String gives back in other words for the same size.
func FuzzSize(f *testing.F) {
	for _, seed := range []string{"0B", "10GiB", "1TB", "8388607TiB", "9223372036854775807B", "-1B", "1.5GiB", "GiB", "10 MB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := configs.ParseSize(text)
		if err != nil {
			return
		}
		if size < 0 {
			t.Fatalf("ParseSize(%q) = %d", text, size)
		}
		if again, err := configs.ParseSize(size.String()); err != nil || again != size {
			t.Errorf("ParseSize(%q) = %d, String = %q, which reads as %d, %v", text, size, size, again, err)
		}
	})
}
