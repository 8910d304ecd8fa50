package natsmodel

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	batchIDHeader       = "Nats-Batch-Id"
	batchSequenceHeader = "Nats-Batch-Sequence"
	batchCommitHeader   = "Nats-Batch-Commit"

	maxBatch      = 1000
	maxBatches    = 50
	batchPatience = 10 * time.Second // without a message, after which a batch is given up
)

// batch is an atomic batch that is not committed yet.
type batch struct {
	msgs []*Message
	stop *time.Timer
}

// ack is the answer to a publish.
type ack struct {
	Error  *apiError `json:"error,omitempty"`
	Stream string    `json:"stream"`
	Seq    uint64    `json:"seq"`
	Batch  string    `json:"batch,omitempty"`
	Count  int       `json:"count,omitempty"`
}

// publish takes one message in. The answer is nil where the real server gives an
// empty one.
func (s *stream) publish(m *Message) *ack {
	if id := m.Get(batchIDHeader); id != "" {
		return s.publishInBatch(id, m)
	}
	if err := s.condition(m); err != nil {
		return &ack{Error: err, Stream: s.cfg.Name}
	}
	s.store(m)
	return &ack{Stream: s.cfg.Name, Seq: m.Sequence}
}

func (s *stream) publishInBatch(id string, m *Message) *ack {
	refuse := func(e *apiError) *ack {
		s.giveUp(id)
		return &ack{Error: e, Stream: s.cfg.Name}
	}
	n, err := strconv.Atoi(m.Get(batchSequenceHeader))
	b := s.batches[id]
	switch {
	case !s.cfg.AllowAtomicPublish:
		return refuse(&apiError{400, codeAtomicDisabled, "atomic publish is disabled"})
	case err != nil:
		return refuse(&apiError{400, codeBatchMissingSequence, "atomic publish sequence is missing"})
	case n > maxBatch:
		return refuse(&apiError{400, codeBatchTooLarge, "atomic publish batch is too large: 1000"})
	case b == nil && n != 1:
		return refuse(&apiError{400, codeBatchIncomplete, "atomic publish batch is incomplete"})
	case b == nil && len(s.batches) >= maxBatches:
		return refuse(&apiError{429, codeTooManyBatches, "atomic publish too many inflight"})
	case b == nil:
		b = &batch{}
		b.stop = time.AfterFunc(batchPatience, func() {
			s.server.mu.Lock()
			defer s.server.mu.Unlock()
			if s.batches[id] == b {
				delete(s.batches, id)
			}
		})
		s.batches[id] = b
	case n != len(b.msgs)+1:
		return refuse(&apiError{400, codeBatchIncomplete, "atomic publish batch is incomplete"})
	}
	b.stop.Reset(batchPatience)
	b.msgs = append(b.msgs, m)
	commit := m.Get(batchCommitHeader)
	if commit == "" {
		return nil
	}
	if commit != "1" {
		return refuse(&apiError{400, codeBatchCommit, "atomic publish batch commit is invalid"})
	}
	s.giveUp(id)
	return s.commit(id, b.msgs)
}

func (s *stream) giveUp(id string) {
	if b := s.batches[id]; b != nil {
		b.stop.Stop()
		delete(s.batches, id)
	}
}

// commit stores all of a batch or nothing.
func (s *stream) commit(id string, msgs []*Message) *ack {
	written := map[string]bool{}
	for _, m := range msgs {
		if m.Get(jetstream.MsgIDHeader) != "" && written["id "+m.Get(jetstream.MsgIDHeader)] {
			return &ack{Error: &apiError{400, codeBatchDuplicateID, "atomic publish batch contains duplicate message id"}, Stream: s.cfg.Name}
		}
		if m.Get(jetstream.ExpectedLastSubjSeqHeader) != "" && written[m.Subject] {
			return &ack{Error: &apiError{400, codeWrongSequenceInFlight, "wrong last sequence"}, Stream: s.cfg.Name}
		}
		if err := s.condition(m); err != nil {
			return &ack{Error: err, Stream: s.cfg.Name}
		}
		written[m.Subject], written["id "+m.Get(jetstream.MsgIDHeader)] = true, true
	}
	for _, m := range msgs {
		s.store(m)
	}
	return &ack{Stream: s.cfg.Name, Seq: msgs[len(msgs)-1].Sequence, Batch: id, Count: len(msgs)}
}
