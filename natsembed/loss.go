package natsembed

import (
	"maps"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"
)

// unknown is what a stream may have lost if no mark tells how far it went: more
// messages than a disk holds.
const unknown = 1 << 32

// loss is what a stream has lost, for as long as somebody may not know of it.
type loss struct {
	Messages uint64    `json:"messages"` // at most, of all losses so far: one may take away what was written after the one before
	At       time.Time `json:"at"`       // of the last one
	Told     []string  `json:"told,omitempty"`
}

// Lost is how many messages at most a stream has ever lost, if the reader was not
// told of it; 0: nothing, or nothing new. What was acknowledged in the last second
// or two before the server ended is not counted. A reader is whoever has a state of
// its own to mend, by any name that is the same at the next start. It asks before it
// writes, and after a stream that the server did not take up was created again: until
// then all of that stream counts as lost.
func (s *Server) Lost(stream, reader string) uint64 {
	if _, ok := s.awaited(stream); ok {
		s.checking.Lock()
		_ = s.settle() // else it is awaited yet
		s.checking.Unlock()
	}
	if was, ok := s.awaited(stream); ok {
		return max(was.Last, 1)
	}
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

// awaited is how far a stream went that is away yet.
func (s *Server) awaited(stream string) (was reach, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok = s.away[stream]
	return was, ok
}

// settle compares the streams that were away and are back, and notes on disk what
// they lost before anybody writes to them. The caller has s.checking.
func (s *Server) settle() error {
	s.mu.Lock()
	away := maps.Clone(s.away)
	s.mu.Unlock()
	if len(away) == 0 {
		return nil
	}
	is := s.streams()
	for _, name := range slices.Sorted(maps.Keys(away)) {
		if _, back := is[name]; !back {
			continue
		}
		all, fresh := away[name].since(name, is, time.Now(), false, s.log)
		if fresh {
			if err := s.store.lost(name, all); err != nil {
				return err
			}
			s.safe = nil // it does not know of this
		}
		s.mu.Lock()
		delete(s.away, name)
		if fresh {
			s.losses[name] = all
		}
		s.mu.Unlock()
	}
	return nil
}

// lost replaces how far a stream went, as of the last mark, by what it lost.
func (s *store) lost(stream string, l loss) error {
	was, err := s.marked()
	if err != nil {
		return err
	}
	if was == nil {
		was = make(map[string]reach)
	}
	was[stream] = reach{Loss: &l}
	return s.mark(was, os.WriteFile)
}

// noted adds the losses to how far the streams go, and the streams that are away.
func (s *Server) noted(streams map[string]reach) map[string]reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(streams, s.away)
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
