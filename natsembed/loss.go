package natsembed

import (
	"slices"
	"time"

	"go.uber.org/zap"
)

// loss is what a stream has lost, for as long as somebody may not know of it.
type loss struct {
	Messages uint64    `json:"messages"` // at most, of all losses so far: one may take away what was written after the one before
	At       time.Time `json:"at"`       // of the last one
	Told     []string  `json:"told,omitempty"`
}

// Lost is how many messages at most a stream has ever lost, if the reader was not
// told of it; 0: nothing, or nothing new. What was acknowledged in the last second
// or two before the server ended is not counted. A reader is whoever has a state of
// its own to mend, by any name that is the same at the next start.
func (s *Server) Lost(stream, reader string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.losses[stream]
	if !ok || slices.Contains(l.Told, reader) {
		return 0
	}
	return l.Messages
}

// Told notes that the reader has dealt with what the stream lost, and that what it
// wrote for it is acknowledged. The note is on disk a moment after that, never
// before: a process that ends in between has the reader told twice.
func (s *Server) Told(stream, reader string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.losses[stream]; ok && !slices.Contains(l.Told, reader) {
		l.Told = append(slices.Clone(l.Told), reader) // others hold the old one
		s.losses[stream] = l
	}
}

// compared reports whether it is known what the streams lost: a mark made before
// that would make up for it.
func (s *Server) compared() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.losses != nil
}

// noted adds the losses to how far the streams go.
func (s *Server) noted(streams map[string]reach) map[string]reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, l := range s.losses {
		r := streams[name] // one that is gone may come back
		r.Loss = &l
		streams[name] = r
	}
	return streams
}

// since is what a stream has lost, and whether some of that since the mark, which is
// said. A loss is forgotten when all that it concerned is too old to be kept. One of
// a stream that is not synced is no loss: it may lack its end, or be gone.
func (was reach) since(name string, streams map[string]reach, now time.Time, doubted bool, log *zap.Logger) (all loss, fresh bool) {
	say, what := log.Error, "a stream lost messages that were acknowledged"
	if was.Async {
		say, what = log.Warn, "a stream that is not synced lost its end"
	}
	if was.Loss != nil && (was.MaxAge == 0 || now.Sub(was.Loss.At) < was.MaxAge) {
		all = *was.Loss
	}
	is, there := streams[name]
	lost := was.lost(is, now)
	if doubted && lost == 0 {
		lost = was.Messages // which of them cannot be told
	}
	switch {
	case there && lost > 0:
		say(what, zap.String("stream", name), zap.Uint64("at_most", lost), zap.Uint64("reached", was.Last), zap.Uint64("reaches", is.Last))
	case !there && !was.Created.IsZero(): // zero: it was gone before
		lost = was.Last
		say("a stream of the store is gone", zap.String("stream", name), zap.Uint64("reached", was.Last))
	}
	if lost == 0 || was.Async {
		return all, false
	}
	return loss{Messages: all.Messages + lost, At: now}, true
}
