package trial

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics are what a daemon says of itself at /metrics.
type Metrics string

// AskMetrics asks a daemon that listens at the address; "" if it does not answer:
// it may be ending, and what is waited for is not there.
func AskMetrics(ctx context.Context, address string) Metrics {
	_, text := Ask(ctx, "http://"+address+"/metrics")
	return Metrics(text)
}

// Ask is one request to a daemon's HTTP; status 0 if it does not answer.
func Ask(ctx context.Context, url string) (status int, text string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, ""
	}
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // what there is of an answer that was cut short
	return resp.StatusCode, string(body)
}

// Value is the metric of exactly that name, labels and all; 0 if there is none.
func (m Metrics) Value(name string) float64 { return m.Sum(name + " ") }

// Sum is of all metrics whose lines begin so.
func (m Metrics) Sum(prefix string) (sum float64) {
	for line := range strings.SplitSeq(string(m), "\n") {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		if n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64); err == nil {
			sum += n
		}
	}
	return sum
}
