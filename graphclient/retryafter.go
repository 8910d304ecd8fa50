package graphclient

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds every wait that somebody else asks us for.
const maxRetryAfter = 15 * time.Minute

// retryAfter is how long an answer asks to wait: whole seconds, rounded up, at
// most 15 minutes. Zero means that it does not say, or nothing of use (0,
// negative, garbage); back off then. A date is measured from the answer's own
// Date where it has one, so that no two clocks have to agree.
//
// Sources: RFC 9110, 10.2.3; https://learn.microsoft.com/graph/throttling, whose
// older editions show fractions.
func retryAfter(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	for _, value := range h.Values("Retry-After") {
		longest = max(longest, parseRetryAfter(strings.TrimSpace(value), h.Get("Date"), now))
	}
	return longest
}

func parseRetryAfter(value, date string, now time.Time) time.Duration {
	if strings.Trim(value, "0123456789.") == "" { // keeps out Inf, NaN, hex and exponents
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0
		}
		if seconds >= maxRetryAfter.Seconds() {
			return maxRetryAfter
		}
		return ceilSeconds(time.Duration(seconds * float64(time.Second)))
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(date); err == nil {
		now = sent
	}
	return ceilSeconds(min(max(at.Sub(now), 0), maxRetryAfter))
}

func ceilSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
