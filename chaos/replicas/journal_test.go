//go:build replicas

package replicas_test

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// journal is what a replica logs, line by line as it comes.
type journal struct {
	mu    sync.Mutex
	rest  []byte
	lines []line
}

type line struct {
	at     time.Time
	text   string
	Level  string `json:"level"`
	Msg    string `json:"msg"`
	HTTP   string `json:"http"`
	Tenant string `json:"tenant"`
	Epoch  uint64 `json:"epoch"`
}

// Write implements io.Writer. A line that a kill cut short is nobody's complaint.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rest = append(j.rest, p...)
	for {
		text, rest, ok := bytes.Cut(j.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l := line{at: time.Now(), text: string(text)}
		if json.Unmarshal(text, &l) != nil {
			l.Level = "none" // no log line, such as those of a panic
		}
		j.lines = append(j.lines, l)
		j.rest = rest
	}
}

// said is the first line with the message, for the tenant if there is one.
func (j *journal) said(msg, tenant string) (line, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if l.Msg == msg && (tenant == "" || l.Tenant == tenant) {
			return l, true
		}
	}
	return line{}, false
}

// complaints are the lines of level error, and those that are no log lines.
func (j *journal) complaints() []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	var bad []line
	for _, l := range j.lines {
		// A reign may end for want of a log that can be read: that is what is done to it.
		if l.Level != "debug" && l.Level != "info" && l.Level != "warn" && l.Msg != "reign ended, standing by" {
			bad = append(bad, l)
		}
	}
	return bad
}

func (j *journal) lastWords() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.lines); n > 0 {
		return j.lines[n-1].text
	}
	return ""
}
