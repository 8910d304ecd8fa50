package simulation

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"presenced/presence"
)

// route is a process's way to Graph for one tenant.
type route struct {
	process *process
	tenant  int
}

var errNetwork = errors.New("connection reset by peer")

// RoundTrip implements http.RoundTripper. The request takes its time, is answered
// by the simulated Graph even if nobody waits any more, and the answer takes its
// time too.
func (rt *route) RoundTrip(req *http.Request) (*http.Response, error) {
	p, g, ctx := rt.process, rt.process.world.graph, req.Context()
	q, err := rt.question(req)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	d := p.dice.of(forGraph, uint64(rt.tenant), moment(now), sum(q.url+string(q.body)))
	if wait := p.thawed(); wait > 0 { // frozen: it finds the connection at hand when it wakes
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: connection{}})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var f Fault
	if q.presence {
		f = g.fate(rt.tenant, d)
	}
	if !p.alive() || f == Unreachable {
		return nil, errNetwork
	}
	if q.presence {
		g.depart(p, rt.tenant)
	}
	done := make(chan *reply, 1)
	time.AfterFunc(d.of(1).between(time.Millisecond, 60*time.Millisecond), func() {
		if !p.alive() && d.of(2).chance(0.5) {
			return
		}
		r := g.arrive(q, f, d)
		if f == Mute {
			return
		}
		back := d.of(3).between(time.Millisecond, 80*time.Millisecond) + f.delay(d)
		time.AfterFunc(back+p.thawed(), func() { done <- r })
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.dead:
		return nil, errNetwork
	case r := <-done:
		return rt.response(req, q, r)
	}
}

// connection is what a request is told to leave by.
type connection struct{ net.Conn }

// SetDeadline implements net.Conn.
func (connection) SetDeadline(time.Time) error { return nil }

func (rt *route) response(req *http.Request, q *question, r *reply) (*http.Response, error) {
	if r.reset {
		return nil, errNetwork
	}
	b := &body{Reader: bytes.NewReader(r.body), end: func() { rt.process.world.graph.deliver(rt.process, q, r) }}
	if r.torn {
		b.err = io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: r.header, Body: b, ContentLength: -1, Request: req}, nil
}

func (rt *route) question(req *http.Request) (*question, error) {
	q := &question{tenant: rt.tenant, method: req.Method, url: req.URL.String(), path: req.URL.Path, header: req.Header.Clone()}
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		q.body = data
	}
	q.presence = strings.HasPrefix(q.path, "/v1.0/")
	q.bulk = strings.HasSuffix(q.path, "getPresencesByUserId")
	switch {
	case q.bulk:
		var ask struct{ IDs []presence.UserID }
		if err := json.Unmarshal(q.body, &ask); err != nil {
			return nil, err
		}
		q.asked = ask.IDs
	case q.presence:
		for _, part := range strings.Split(q.path, "/") {
			if id, err := presence.ParseUserID(part); err == nil {
				q.asked = append(q.asked, id)
			}
		}
	}
	return q, nil
}

func (g *graph) depart(p *process, tenant int) {
	g.world.say("%s t%d asks Graph", p.name, tenant)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.departed = append(g.departed, departure{p, tenant, time.Now()})
}

// entity is a presence as it stands in an answer.
type entity struct {
	ID             string  `json:"id"`
	Availability   *string `json:"availability"`
	Activity       *string `json:"activity"`
	SequenceNumber string  `json:"sequenceNumber,omitempty"`
}

// entities reads an answer; nil if it is none.
func entities(data []byte) []entity {
	var list struct{ Value []entity }
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	if list.Value == nil {
		var one entity
		if json.Unmarshal(data, &one) != nil || one.ID == "" || !bytes.Contains(data, []byte(`"availability"`)) {
			return nil
		}
		list.Value = []entity{one}
	}
	return list.Value
}

// read is what an answer tells of those who were asked for: one word on each,
// where all entries agree.
func read(r *reply, q *question) []answer {
	if said := r.header.Get("Content-Type"); said != "" && !strings.HasPrefix(said, "application/json") {
		return nil
	}
	word := func(s *string) string {
		if s == nil {
			return presence.Unknown
		}
		return *s
	}
	var told []answer
	all := entities(r.body)
	for _, user := range q.asked {
		var a *answer
		for _, e := range all {
			if !strings.EqualFold(e.ID, string(user)) {
				continue
			}
			other := answer{user: user, availability: word(e.Availability), action: word(e.Activity), stamp: e.SequenceNumber}
			if a != nil && *a != other {
				a = nil
				break
			}
			a = &other
		}
		if a != nil {
			told = append(told, *a)
		}
	}
	return told
}

// unknown is the answer with PresenceUnknown for everybody.
func unknown(data []byte) []byte {
	list := entities(data)
	word := presence.Unknown
	for i := range list {
		list[i].Availability, list[i].Activity, list[i].SequenceNumber = &word, &word, ""
	}
	out, err := json.Marshal(map[string]any{"value": list})
	if err != nil {
		return data
	}
	return out
}
