package natsmodel

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Server is the model. All methods are safe for concurrent use.
type Server struct {
	lag    func(time.Time) time.Duration
	meddle func(client, subject string) Mischief

	mu      sync.Mutex // guards what follows
	life    int        // counts restarts; what belongs to an earlier one has no effect
	down    bool
	clients []*client
	streams map[string]*stream
	serial  int
}

// Mischief is what goes wrong with one request; zero: nothing.
type Mischief struct {
	LoseRequest bool          // it never reaches JetStream
	LoseReply   bool          // it is carried out, and nobody is told
	Delay       time.Duration // the reply comes so much later
	Refuse      int           // it is answered with this JetStream error
}

// New returns a server without streams. lag is how long a sourced stream is
// behind what is stored at a moment; meddle is asked about every request, by the
// client's connection name, and may be nil.
func New(lag func(time.Time) time.Duration, meddle func(client, subject string) Mischief) *Server {
	if meddle == nil {
		meddle = func(string, string) Mischief { return Mischief{} }
	}
	return &Server{lag: lag, meddle: meddle, streams: map[string]*stream{}}
}

// Serve speaks NATS on conn until it ends.
func (v *Server) Serve(conn net.Conn) {
	v.mu.Lock()
	if v.down {
		v.mu.Unlock()
		_ = conn.Close()
		return
	}
	v.serial++
	c := &client{server: v, conn: conn, id: v.serial}
	v.clients = append(v.clients, c)
	v.mu.Unlock()
	c.serve()
	v.mu.Lock()
	v.clients = slices.DeleteFunc(v.clients, func(other *client) bool { return other == c })
	v.mu.Unlock()
	_ = conn.Close()
}

// Stop is a kill: connections end, what was only in memory is gone: consumers,
// batches under way, and the last lost messages of streams that are not synced at
// once (PersistMode async). Until Start nobody can connect.
func (v *Server) Stop(lost int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down = true
	v.life++
	for _, c := range v.clients {
		_ = c.conn.Close()
	}
	v.clients = nil
	for _, s := range v.streams {
		for id := range s.batches {
			s.giveUp(id)
		}
		for _, c := range s.consumers {
			c.end()
		}
		clear(s.consumers)
		s.sourcing = false
		if s.cfg.PersistMode == jetstream.AsyncPersistMode {
			s.forget(lost)
		}
	}
}

// Start ends a Stop.
func (v *Server) Start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down = false
	for _, s := range v.streams {
		if len(s.cfg.Sources) > 0 {
			s.sourcing = true
			s.sourceAfter(v.lag(time.Now()))
		}
	}
}

// Messages are all messages that a stream ever stored, in order, those that are
// gone too.
func (v *Server) Messages(name string) []Message {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.streams[name]
	if s == nil {
		return nil
	}
	all := make([]Message, len(s.msgs))
	for i, m := range s.msgs {
		all[i] = *m
	}
	return all
}

// Publish stores a message as a client would. It returns its sequence, 0 if it
// was refused or no stream wants it.
func (v *Server) Publish(subject string, fields map[string]string, data []byte) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	h := ""
	for name, value := range fields {
		h = with(h, name, value)
	}
	for _, s := range v.streams {
		if len(s.cfg.Subjects) > 0 && matchesAny(s.cfg.Subjects, subject) {
			if a := s.publish(&Message{Subject: subject, Header: h, Data: data}); a != nil {
				return a.Seq
			}
		}
	}
	return 0
}

// route takes one published message to whom it concerns. The mutex is held.
func (v *Server) route(from *client, subject, reply, h string, data []byte) {
	request := reply != "" && (strings.HasPrefix(subject, "$JS.API.") || v.streamOf(subject) != nil)
	var m Mischief
	if request {
		m = v.meddle(from.name, subject)
	}
	answer := func(h string, data []byte) { v.answer(reply, h, data, m) }
	switch {
	case m.LoseRequest:
		return
	case m.Refuse != 0:
		v.refuse(subject, m.Refuse, answer)
		return
	case strings.HasPrefix(subject, "$JS.API."):
		v.api(strings.TrimPrefix(subject, "$JS.API."), reply, data, answer)
		return
	}
	heard := v.deliver(subject, reply, h, data)
	if s := v.streamOf(subject); s != nil {
		a := s.publish(&Message{Subject: subject, Header: h, Data: data})
		switch {
		case reply == "":
		case a == nil:
			answer("", nil)
		default:
			answer("", encode(a))
		}
		return
	}
	if !heard && reply != "" {
		v.deliver(reply, "", status("503"), nil)
	}
}

func (v *Server) streamOf(subject string) *stream {
	for _, s := range v.streams {
		if len(s.cfg.Subjects) > 0 && matchesAny(s.cfg.Subjects, subject) {
			return s
		}
	}
	return nil
}

// answer sends a reply, unless mischief is made of it.
func (v *Server) answer(reply, h string, data []byte, m Mischief) {
	switch {
	case reply == "" || m.LoseReply:
	case m.Delay > 0:
		life := v.life
		time.AfterFunc(m.Delay, func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			if life == v.life {
				v.deliver(reply, "", h, data)
			}
		})
	default:
		v.deliver(reply, "", h, data)
	}
}

func (v *Server) refuse(subject string, code int, answer func(string, []byte)) {
	answer("", encode(ack{Error: &apiError{503, code, "the model refuses " + subject}, Stream: "MODEL"}))
}

// deliver gives a message to its subscribers and reports whether there are any.
func (v *Server) deliver(subject, reply, h string, data []byte) bool {
	heard := false
	for _, c := range v.clients {
		heard = c.hear(subject, reply, h, data) || heard
	}
	return heard
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // all that is encoded here is made of plain values
	}
	return data
}
