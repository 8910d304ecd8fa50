package graphclient

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 500_000_000, time.UTC)
	for name, tc := range map[string]struct {
		value, date string
		want        time.Duration
	}{
		"absent":              {"", "", 0},
		"seconds":             {"10", "", 10 * time.Second},
		"blanks around":       {"  10 ", "", 10 * time.Second},
		"fraction":            {"2.128", "", 3 * time.Second},
		"small fraction":      {"0.001", "", time.Second},
		"no leading digit":    {".5", "", time.Second},
		"zero":                {"0", "", 0},
		"zero fraction":       {"0.000", "", 0},
		"negative":            {"-5", "", 0},
		"plus":                {"+5", "", 0},
		"an hour":             {"3600", "", 15 * time.Minute},
		"beyond int64":        {"99999999999999999999", "", 15 * time.Minute},
		"beyond float64":      {"1e400", "", 0},
		"two points":          {"1.2.3", "", 0},
		"a point":             {".", "", 0},
		"hex":                 {"0x10", "", 0},
		"underscore":          {"1_0", "", 0},
		"Inf":                 {"Inf", "", 0},
		"NaN":                 {"NaN", "", 0},
		"words":               {"soon", "", 0},
		"two values":          {"10, 20", "", 0},
		"date by its Date":    {"Mon, 23 Nov 2026 10:00:30 GMT", "Mon, 23 Nov 2026 10:00:10 GMT", 20 * time.Second},
		"Date a year off":     {"Tue, 23 Nov 2027 10:00:30 GMT", "Tue, 23 Nov 2027 10:00:10 GMT", 20 * time.Second},
		"date without Date":   {"Mon, 23 Nov 2026 10:00:10 GMT", "", 10 * time.Second}, // 9.5 s, rounded up
		"date, Date garbage":  {"Mon, 23 Nov 2026 10:00:10 GMT", "yesterday", 10 * time.Second},
		"date of the past":    {"Mon, 23 Nov 2026 09:00:00 GMT", "", 0},
		"date far ahead":      {"Mon, 23 Nov 2099 09:00:00 GMT", "", 15 * time.Minute},
		"old form of a date":  {"Monday, 23-Nov-26 10:00:30 GMT", "Mon, 23 Nov 2026 10:00:10 GMT", 20 * time.Second},
		"date with time zone": {"Mon, 23 Nov 2026 10:00:30 +0100", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			if tc.value != "" {
				h.Set("Retry-After", tc.value)
			}
			if tc.date != "" {
				h.Set("Date", tc.date)
			}
			if got := retryAfter(h, now); got != tc.want {
				t.Errorf("retryAfter(%q, %q) = %v, want %v", tc.value, tc.date, got, tc.want)
			}
		})
	}
	if got := retryAfter(http.Header{"Retry-After": {"5", "7", "garbage"}}, now); got != 7*time.Second {
		t.Errorf("retryAfter of several = %v, want the longest", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"10", "2.128", "-1", "1e9", "99999999999999999999", "Mon, 23 Nov 2026 10:00:30 GMT", "Inf", ".", ""} {
		f.Add(seed, "Mon, 23 Nov 2026 10:00:10 GMT")
	}
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, date string) {
		got := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		if got < 0 || got > maxRetryAfter || got%time.Second != 0 {
			t.Errorf("retryAfter(%q, %q) = %v, want whole seconds up to 15 min", value, date, got)
		}
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	p := newPause(nil)
	first := p.refused(time.Now(), 0)
	if first < time.Second || first > 3*time.Second {
		t.Errorf("first pause = %v, want about 2s", first)
	}
	// Requests that left before the refusal was known belong to it.
	if got := p.refused(time.Now().Add(-time.Minute), 0); got != first {
		t.Errorf("pause of the same refusal = %v, want %v", got, first)
	}
	if got := p.refused(time.Now().Add(-time.Minute), 10*time.Second); got != 10*time.Second {
		t.Errorf("pause with Retry-After = %v, want 10s", got)
	}
	last := first
	for range 20 {
		last = p.refused(time.Now().Add(time.Hour), 0)
	}
	if last < 3*time.Minute || last > 7*time.Minute {
		t.Errorf("pause after many refusals = %v, want about 5 min", last)
	}
	if got := p.refused(time.Now().Add(time.Hour), time.Hour); got != maxRetryAfter {
		t.Errorf("pause = %v, want the bound", got)
	}
	p.answered(time.Now().Add(-time.Hour)) // left before the refusal: proves nothing
	if got := p.refused(time.Now().Add(time.Hour), 0); got < time.Minute {
		t.Errorf("pause = %v, an old answer ended the series", got)
	}
	p.answered(time.Now().Add(time.Hour))
	if got := p.refused(time.Now().Add(2*time.Hour), 0); got > 3*time.Second {
		t.Errorf("pause after an answer = %v, want about 2s", got)
	}
}
