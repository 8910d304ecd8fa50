package presence

import (
	"encoding/binary"
	"hash/fnv"
	"time"
)

// State is what is last known of one user: the newest event in the log, and when
// it was last confirmed. The zero State is a user of whom nothing is known.
type State struct {
	Presence  Presence
	Revision  uint64    // of the newest event; 0: there was none
	Since     time.Time // when that event's presence was observed
	Left      bool      // the newest event says that the user left the roster
	Confirmed time.Time // the last time we asked and were told the same; not part of the log
}

// Seen reports whether there is a presence to compare an answer with.
func (s State) Seen() bool { return s.Revision > 0 && !s.Left }

// Checksum is the XOR over all users of a hash of their state. Whoever owns a
// tenant writes it into every owner message, and whoever loads the tenant's state
// compares: JetStream loses messages of a damaged block without a word.
type Checksum uint64

// Replace is the checksum after the user's state went from before to after. A
// zero State counts as absent on either side.
func (c Checksum) Replace(user UserID, before, after State) Checksum {
	return c ^ Checksum(before.sum(user)) ^ Checksum(after.sum(user))
}

// sum leaves out what the log does not hold (Confirmed), and the sequence number,
// which moves in memory with every answer.
func (s State) sum(user UserID) uint64 {
	if s.Revision == 0 {
		return 0
	}
	buf := make([]byte, 0, 256) // on the stack: a million of these are made in a load
	buf = binary.LittleEndian.AppendUint64(buf, s.Revision)
	if s.Left { // nothing else matters, and nothing else is known of it later: see Event.Past
		return hash(append(buf, user...))
	}
	buf = binary.LittleEndian.AppendUint64(buf, uint64(s.Since.UnixMicro()))
	p := s.Presence
	for _, field := range []string{string(user), p.Availability, p.Activity} {
		buf = append(append(buf, field...), 0) // ends the field
	}
	if p.StatusMessage != nil {
		buf = append(append(buf, 'm'), *p.StatusMessage...)
	}
	if o := p.OutOfOffice; o != nil {
		buf = append(append(buf, 'o'), o.Message...)
		if o.Active {
			buf = append(buf, '!')
		}
	}
	if w := p.WorkLocation; w != nil {
		buf = append(buf, "w"+w.Type+"/"+w.Source+"/"+w.PlaceID...)
	}
	return hash(buf)
}

func hash(data []byte) uint64 {
	h := fnv.New64a()
	h.Write(data)
	return h.Sum64()
}
