package natsmodel

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stream is one stream. The server's mutex guards it.
type stream struct {
	server    *Server
	cfg       jetstream.StreamConfig
	created   time.Time
	msgs      []*Message // msgs[i] has sequence first+i; what is gone stays, marked
	last      map[string]uint64
	batches   map[string]*batch
	consumers map[string]*consumer
	sourcedTo uint64 // sequence in the stream that it is sourced from
	sourcing  bool   // a pass is on its way
}

// at is the message of that sequence; nil if there is none or it is gone.
func (s *stream) at(seq uint64) *Message {
	if seq == 0 || seq > uint64(len(s.msgs)) || s.msgs[seq-1].Gone {
		return nil
	}
	return s.msgs[seq-1]
}

// newest is the last message on a subject, which may have wildcards.
func (s *stream) newest(subject string) *Message {
	if !strings.ContainsAny(subject, "*>") {
		return s.at(s.last[subject])
	}
	for i := len(s.msgs) - 1; i >= 0; i-- {
		if m := s.msgs[i]; !m.Gone && matches(subject, m.Subject) {
			return m
		}
	}
	return nil
}

// condition checks a message's expectation, if it has one. Pending are the
// messages of the same batch before it.
func (s *stream) condition(m *Message) *apiError {
	expected := m.Get(jetstream.ExpectedLastSubjSeqHeader)
	if expected == "" {
		return nil
	}
	want, err := strconv.ParseUint(expected, 10, 64)
	var have uint64
	if last := s.newest(m.Subject); last != nil {
		have = last.Sequence
	}
	if err != nil || want != have {
		return &apiError{400, codeWrongLastSequence, fmt.Sprintf("wrong last sequence: %d", have)}
	}
	return nil
}

// store appends a message that may be stored.
func (s *stream) store(m *Message) {
	m.Sequence, m.Stored = uint64(len(s.msgs)+1), time.Now()
	before := s.at(s.last[m.Subject])
	s.msgs = append(s.msgs, m)
	s.last[m.Subject] = m.Sequence
	if before != nil && (s.cfg.MaxMsgsPerSubject == 1 || s.cfg.AllowRollup && m.Get(jetstream.MsgRollup) == jetstream.MsgRollupSubject) {
		before.Gone = true
	}
	if s.cfg.AllowRollup && m.Get(jetstream.MsgRollup) == jetstream.MsgRollupSubject {
		for _, old := range s.msgs[:len(s.msgs)-1] {
			old.Gone = old.Gone || old.Subject == m.Subject
		}
	}
	for _, c := range s.consumers {
		c.deliver()
	}
	s.server.sourceFrom(s)
}

// forget takes back the last n messages, as a server does that is killed before
// they are on disk. Those that they replaced do not come back.
func (s *stream) forget(n int) {
	kept := s.msgs[:len(s.msgs)-min(n, len(s.msgs))]
	for _, m := range s.msgs[len(kept):] {
		delete(s.last, m.Subject)
	}
	s.msgs, s.sourcedTo = kept, 0
	for _, m := range kept {
		if f := strings.Fields(m.Get(sourceHeader)); len(f) > 1 {
			seq, _ := strconv.ParseUint(f[1], 10, 64)
			s.sourcedTo = max(s.sourcedTo, seq)
		}
	}
}

const sourceHeader = "Nats-Stream-Source"

// sourceFrom lets every stream that is sourced from s catch up, a moment later.
func (v *Server) sourceFrom(s *stream) {
	for _, t := range v.streams {
		if len(t.cfg.Sources) == 0 || t.cfg.Sources[0].Name != s.cfg.Name || t.sourcing {
			continue
		}
		t.sourcing = true
		t.sourceAfter(v.lag(time.Now()))
	}
}

func (s *stream) sourceAfter(d time.Duration) {
	life := s.server.life
	time.AfterFunc(d, func() {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		if life == s.server.life {
			s.sourcing = false
			s.catchUp()
		}
	})
}

// catchUp copies what the source has and s has not.
func (s *stream) catchUp() {
	source := s.cfg.Sources[0]
	from := s.server.streams[source.Name]
	if from == nil {
		return
	}
	var filters, destinations []string
	for _, t := range source.SubjectTransforms {
		filters, destinations = append(filters, t.Source), append(destinations, t.Destination)
	}
	origin := strings.Join(filters, "\f") + " " + strings.Join(destinations, "\f")
	for _, m := range from.msgs[s.sourcedTo:] {
		s.sourcedTo = m.Sequence
		for _, t := range source.SubjectTransforms {
			subject, ok := transform(t.Source, t.Destination, m.Subject)
			if !ok || m.Gone {
				continue
			}
			h := without(without(m.Header, "Nats-Expected-"), "Nats-Batch-")
			s.store(&Message{Subject: subject, Header: with(h, sourceHeader, fmt.Sprintf("%s %d %s %s MODEL", source.Name, m.Sequence, origin, m.Subject)), Data: m.Data})
			break
		}
	}
}

func (s *stream) state(subjects string) map[string]any {
	var messages, size, first, firstAt int
	perSubject := map[string]int{}
	subjectsSeen := map[string]bool{}
	for i, m := range s.msgs {
		if m.Gone {
			continue
		}
		if messages == 0 {
			first, firstAt = i+1, i
		}
		messages++
		size += len(m.Data) + len(m.Header) + len(m.Subject)
		subjectsSeen[m.Subject] = true
		if subjects != "" && matches(subjects, m.Subject) {
			perSubject[m.Subject]++
		}
	}
	state := map[string]any{"messages": messages, "bytes": size, "first_seq": first, "last_seq": len(s.msgs),
		"consumer_count": len(s.consumers), "num_subjects": len(subjectsSeen),
		"first_ts": s.created, "last_ts": s.created}
	if messages == 0 {
		state["first_seq"] = len(s.msgs) + 1
		if len(s.msgs) == 0 {
			state["first_seq"] = 0
		}
	} else {
		state["first_ts"] = s.msgs[firstAt].Stored
	}
	if n := len(s.msgs); n > 0 {
		state["last_ts"] = s.msgs[n-1].Stored
	}
	if subjects != "" {
		state["subjects"] = perSubject
	}
	return state
}
