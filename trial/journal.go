package trial

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// Journal is what a daemon logs in JSON, read line by line as it comes: its standard
// error. It is safe for concurrent use.
type Journal struct {
	mu    sync.Mutex
	rest  []byte
	lines []Line
}

// Line is one line of a log, and when it came.
type Line struct {
	At     time.Time `json:"-"`
	Text   string    `json:"-"`
	Level  string    `json:"level"` // "": it is no log line, such as those of a panic
	Msg    string    `json:"msg"`
	HTTP   string    `json:"http"`
	Error  string    `json:"error"`
	Tenant string    `json:"tenant"`
	Epoch  uint64    `json:"epoch"`
}

// Write implements io.Writer. A line that a kill cut short is nobody's complaint.
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rest = append(j.rest, p...)
	for {
		text, rest, ok := bytes.Cut(j.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		j.lines = append(j.lines, read(text, time.Now()))
		j.rest = rest
	}
}

func read(text []byte, at time.Time) Line {
	var l Line
	if json.Unmarshal(text, &l) != nil {
		l = Line{}
	}
	l.At, l.Text = at, string(text)
	return l
}

// Said is the first line with the message.
func (j *Journal) Said(msg string) (Line, bool) {
	return j.first(func(l Line) bool { return l.Msg == msg })
}

// SaidOf is the first line with the message about the tenant.
func (j *Journal) SaidOf(tenant, msg string) (Line, bool) {
	return j.first(func(l Line) bool { return l.Msg == msg && l.Tenant == tenant })
}

func (j *Journal) first(is func(Line) bool) (Line, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if is(l) {
			return l, true
		}
	}
	return Line{}, false
}

// Complaints are the lines so far of level error, and those that are no log lines.
func (j *Journal) Complaints() []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	var bad []Line
	for _, l := range j.lines {
		if l.Level != "debug" && l.Level != "info" && l.Level != "warn" {
			bad = append(bad, l)
		}
	}
	return bad
}

// LastWords is the text of the newest line; "" if there is none.
func (j *Journal) LastWords() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.lines); n > 0 {
		return j.lines[n-1].Text
	}
	return ""
}

// String implements fmt.Stringer: the line as it was written.
func (l Line) String() string { return l.Text }
