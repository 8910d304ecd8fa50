//go:build replicas

package replicas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"presenced/audit"
	"presenced/presence"
)

// tap is what one process said to NATS, over all its connections. Whatever is in
// the log has passed here before.
type tap struct {
	process string

	mu     sync.Mutex
	owners []claim               // every owner message, in order
	sent   map[string]audit.Sent // by batch, those with more than an owner message
	broken error                 // bytes that are not the protocol of NATS
}

// claim is an owner message that left a process.
type claim struct {
	tenant string
	at     time.Time
	presence.Owner
}

func newTap(process string) *tap { return &tap{process: process, sent: make(map[string]audit.Sent)} }

// reign is the epoch that the process last claimed for the tenant before that time;
// 0: none.
func (t *tap) reign(tenant string, at time.Time) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var epoch uint64
	for _, c := range t.owners {
		if c.at.After(at) {
			break
		}
		if c.tenant == tenant {
			epoch = c.Epoch
		}
	}
	return epoch
}

// last is the newest claim for the tenant.
func (t *tap) last(tenant string) (claim, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.owners) - 1; i >= 0; i-- {
		if t.owners[i].tenant == tenant {
			return t.owners[i], true
		}
	}
	return claim{}, false
}

func (t *tap) note(subject string, header, payload []byte) {
	tenant, isOwner := strings.CutPrefix(subject, "presenced.owner.")
	tenant, _, _ = strings.Cut(tenant, "_") // behind it: which making of the stream
	batch := headerValue(header, "Nats-Batch-Id: ")
	if !isOwner && batch == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !isOwner {
		s := t.sent[batch]
		s.Events++
		t.sent[batch] = s
		return
	}
	c := claim{tenant: tenant, at: time.Now()}
	if err := json.Unmarshal(payload, &c.Owner); err != nil {
		t.broken = fmt.Errorf("owner message %q: %w", payload, err)
	}
	t.owners = append(t.owners, c)
	if batch != "" {
		t.sent[batch] = audit.Sent{Process: t.process, Tenant: tenant, Epoch: c.Epoch, N: c.N, At: c.at}
	}
}

func headerValue(header []byte, name string) string {
	_, rest, ok := bytes.Cut(header, []byte("\n"+name))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(value)
}

// stream reads one connection's bytes as they come.
type stream struct {
	tap  *tap
	rest []byte // of an operation that is not complete
}

// Write implements io.Writer and never fails.
func (s *stream) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		n := s.operation()
		if n == 0 {
			return len(p), nil
		}
		s.rest = s.rest[n:]
	}
}

// operation reads one operation and returns its length; 0 if it is not complete.
func (s *stream) operation() int {
	line, _, ok := bytes.Cut(s.rest, []byte("\r\n"))
	if !ok {
		return 0
	}
	n := len(line) + 2
	fields := strings.Fields(string(line))
	if len(fields) == 0 || fields[0] != "PUB" && fields[0] != "HPUB" {
		return n // CONNECT, PING, SUB and the like have a line alone
	}
	var head, total int
	fmt.Sscan(fields[len(fields)-1], &total)
	if fields[0] == "HPUB" {
		fmt.Sscan(fields[len(fields)-2], &head)
	}
	if len(s.rest) < n+total+2 {
		return 0
	}
	body := s.rest[n : n+total]
	s.tap.note(fields[1], body[:head], body[head:])
	return n + total + 2
}
