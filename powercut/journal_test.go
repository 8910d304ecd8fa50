//go:build fuse && linux

package powercut_test

import (
	"bytes"
	"encoding/json"
	"sync"
)

// journal is what a daemon logs, read line by line as it comes.
type journal struct {
	mu         sync.Mutex
	rest       []byte
	first      map[string]line // by message
	complaints []string        // errors, and lines that are no log lines, such as those of a panic
}

type line struct {
	Level string `json:"level"`
	Msg   string `json:"msg"`
	HTTP  string `json:"http"`
	Error string `json:"error"`
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
		j.read(text)
		j.rest = rest
	}
}

func (j *journal) read(text []byte) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil || l.Level != "info" && l.Level != "warn" {
		j.complaints = append(j.complaints, string(text))
		return
	}
	if j.first == nil {
		j.first = make(map[string]line)
	}
	if _, ok := j.first[l.Msg]; !ok {
		j.first[l.Msg] = l
	}
}

// said is the first line with the message.
func (j *journal) said(msg string) (line, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	l, ok := j.first[msg]
	return l, ok
}

func (j *journal) complaintsSoFar() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.complaints
}
