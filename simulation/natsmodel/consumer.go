package natsmodel

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// consumer is a pull consumer without acknowledgements. The server's mutex guards
// it.
type consumer struct {
	stream    *stream
	cfg       jetstream.ConsumerConfig
	created   time.Time
	filters   []string
	cursor    uint64          // the next sequence to look at
	only      map[uint64]bool // up to upto, only these: the last per subject
	upto      uint64
	delivered uint64
	lastSeq   uint64
	waiting   []*pull
}

// pull is one request for messages.
type pull struct {
	reply   string
	left    int
	expire  *time.Timer // nil: never
	beat    *time.Timer // nil: no heartbeats
	between time.Duration
}

func (s *stream) createConsumer(name string, data []byte) (*consumer, *apiError) {
	var ask struct {
		Config jetstream.ConsumerConfig `json:"config"`
	}
	if err := json.Unmarshal(data, &ask); err != nil {
		return nil, &apiError{400, codeBadRequest, err.Error()}
	}
	if old := s.consumers[name]; old != nil {
		return old, nil
	}
	ask.Config.Name = name
	c := &consumer{stream: s, cfg: ask.Config, created: time.Now().UTC(), filters: ask.Config.FilterSubjects}
	if ask.Config.FilterSubject != "" {
		c.filters = []string{ask.Config.FilterSubject}
	}
	last := uint64(len(s.msgs))
	switch ask.Config.DeliverPolicy {
	case jetstream.DeliverByStartSequencePolicy:
		c.cursor = ask.Config.OptStartSeq
	case jetstream.DeliverNewPolicy:
		c.cursor = last + 1
	case jetstream.DeliverLastPerSubjectPolicy:
		c.only, c.upto = map[uint64]bool{}, last
		for subject, seq := range s.last {
			if matchesAny(c.filters, subject) && s.at(seq) != nil {
				c.only[seq] = true
			}
		}
	}
	c.cursor = max(c.cursor, 1)
	s.consumers[name] = c
	return c, nil
}

// wants reports whether a message is for this consumer.
func (c *consumer) wants(m *Message) bool {
	return !m.Gone && (m.Sequence > c.upto || c.only[m.Sequence]) && matchesAny(c.filters, m.Subject)
}

func (c *consumer) pending() int {
	n := 0
	for _, m := range c.stream.msgs[min(c.cursor-1, uint64(len(c.stream.msgs))):] {
		if c.wants(m) {
			n++
		}
	}
	return n
}

func (c *consumer) info() map[string]any {
	return map[string]any{
		"stream_name": c.stream.cfg.Name, "name": c.cfg.Name, "created": c.created, "config": c.cfg,
		"delivered": map[string]any{"consumer_seq": c.delivered, "stream_seq": c.lastSeq},
		"ack_floor": map[string]any{"consumer_seq": c.delivered, "stream_seq": c.lastSeq}, "num_ack_pending": 0, "num_redelivered": 0,
		"num_waiting": len(c.waiting), "num_pending": c.pending(), "ts": time.Now().UTC(),
	}
}

// next takes a request for messages.
func (c *consumer) next(reply string, data []byte) {
	ask := struct {
		Batch     int           `json:"batch"`
		Expires   time.Duration `json:"expires"`
		NoWait    bool          `json:"no_wait"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}{Batch: 1}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &ask); err != nil {
			c.say(reply, status("400 Bad Request"))
			return
		}
	}
	p := &pull{reply: reply, left: max(ask.Batch, 1), between: ask.Heartbeat}
	c.waiting = append(c.waiting, p)
	c.deliver()
	if p.left == 0 {
		return
	}
	if ask.NoWait {
		c.finish(p, "404 No Messages")
		return
	}
	if ask.Expires > 0 {
		p.expire = time.AfterFunc(ask.Expires, c.locked(func() { c.finish(p, "408 Request Timeout") }))
	}
	if ask.Heartbeat > 0 {
		p.beat = time.AfterFunc(ask.Heartbeat, c.locked(func() {
			c.say(p.reply, status("100 Idle Heartbeat", "Nats-Last-Consumer", fmt.Sprint(c.delivered), "Nats-Last-Stream", fmt.Sprint(c.lastSeq)))
			p.beat.Reset(p.between)
		}))
	}
}

func (c *consumer) locked(f func()) func() {
	life := c.stream.server.life
	return func() {
		c.stream.server.mu.Lock()
		defer c.stream.server.mu.Unlock()
		if life == c.stream.server.life {
			f()
		}
	}
}

func (c *consumer) say(reply, h string) { c.stream.server.deliver(reply, "", h, nil) }

// finish ends a request that has not got all it asked for.
func (c *consumer) finish(p *pull, why string) {
	for i, other := range c.waiting {
		if other == p {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			p.stop()
			left := []string{"Nats-Pending-Messages", strconv.Itoa(p.left), "Nats-Pending-Bytes", "0"}
			if strings.HasPrefix(why, "404") {
				left = nil
			}
			c.say(p.reply, status(why, left...))
			return
		}
	}
}

func (p *pull) stop() {
	if p.expire != nil {
		p.expire.Stop()
	}
	if p.beat != nil {
		p.beat.Stop()
	}
}

// deliver gives what there is to those who wait.
func (c *consumer) deliver() {
	for len(c.waiting) > 0 && c.cursor <= uint64(len(c.stream.msgs)) {
		m := c.stream.msgs[c.cursor-1]
		c.cursor++
		if !c.wants(m) {
			continue
		}
		p := c.waiting[0]
		c.delivered++
		c.lastSeq = m.Sequence
		reply := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.%d.%d", c.stream.cfg.Name, c.cfg.Name, m.Sequence, c.delivered, m.Stored.UnixNano(), c.pending())
		c.stream.server.deliverAs(p.reply, m.Subject, reply, m.Header, m.Data)
		if p.beat != nil {
			p.beat.Reset(p.between)
		}
		if p.left--; p.left == 0 {
			p.stop()
			c.waiting = c.waiting[1:]
		}
	}
}

// end tells those who wait that the consumer is gone.
func (c *consumer) end() {
	for len(c.waiting) > 0 {
		c.finish(c.waiting[0], "409 Consumer Deleted")
	}
}

// deliverAs gives a message under its own subject to those who listen on inbox.
func (v *Server) deliverAs(inbox, subject, reply, h string, data []byte) {
	for _, c := range v.clients {
		for _, s := range c.subs {
			if matches(s.subject, inbox) {
				c.send(subject, s.sid, reply, h, data)
			}
		}
	}
}
