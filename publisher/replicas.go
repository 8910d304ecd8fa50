package publisher

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"presenced/presence"
)

// replicasSubject is where replicas tell each other what they own: plain NATS, in
// no stream.
const replicasSubject = "presenced.replicas"

const (
	heardAtMost = 256              // announcements nobody has read yet; more are dropped
	deniedFor   = 10 * time.Minute // how long a refusal keeps us silent
)

// Replicas carries announcements between replicas by core NATS: they may be lost,
// and whoever may write the subject can forge them. A user who may not write or
// read it has no balance; everything else works. It is safe for concurrent use.
type Replicas struct {
	conn  *Connection
	heard chan presence.Announcement
	mute  atomic.Int64 // until then we say nothing, in Unix nanoseconds
}

// NewReplicas listens from now on, for as long as the connection lives.
func NewReplicas(conn *Connection) (*Replicas, error) {
	r := &Replicas{conn: conn, heard: make(chan presence.Announcement, heardAtMost)}
	if _, err := conn.Subscribe(replicasSubject, r.hear); err != nil {
		return nil, fmt.Errorf("listen to replicas: %w", err)
	}
	return r, nil
}

func (r *Replicas) hear(m *nats.Msg) {
	a, err := presence.ParseAnnouncement(m.Data)
	if err != nil {
		return // anybody may write there, and a newer version may say something else
	}
	select {
	case r.heard <- a:
	default: // the next one says it again
	}
}

// Heard brings what replicas announce, our own words too.
func (r *Replicas) Heard() <-chan presence.Announcement { return r.heard }

// Announce tells the other replicas. It does not wait, and an error is no reason to
// try again: the next announcement says the same.
func (r *Replicas) Announce(a presence.Announcement) error {
	now := time.Now()
	if d := r.conn.denied.Load(); d != nil && now.Sub(d.at) < deniedFor && strings.Contains(d.text, `"`+replicasSubject+`"`) {
		r.mute.Store(d.at.Add(deniedFor).UnixNano())
	}
	if now.UnixNano() < r.mute.Load() {
		return fmt.Errorf("announce to replicas: the NATS user may not use %s: grant publish and subscribe", replicasSubject)
	}
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode announcement: %w", err)
	}
	if err := r.conn.Publish(replicasSubject, data); err != nil {
		return fmt.Errorf("announce to replicas: %w", err)
	}
	return nil
}
