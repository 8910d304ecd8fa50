package natsmodel

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// api answers one request of JetStream's interface; subject is what follows
// $JS.API. The mutex is held.
func (v *Server) api(subject, reply string, data []byte, answer func(h string, data []byte)) {
	say := func(kind string, fields map[string]any, err *apiError) {
		body := map[string]any{"type": "io.nats.jetstream.api.v1." + kind}
		maps.Copy(body, fields)
		if err != nil {
			body = map[string]any{"type": body["type"], "error": err}
		}
		answer("", encode(body))
	}
	if rest, ok := strings.CutPrefix(subject, "DIRECT.GET."); ok {
		v.direct(rest, data, answer)
		return
	}
	area, rest, _ := strings.Cut(subject, ".")
	verb, rest, _ := strings.Cut(rest, ".")
	if verb == "MSG" {
		var more string
		more, rest, _ = strings.Cut(rest, ".")
		verb += "." + more
	}
	name, consumerName, _ := strings.Cut(rest, ".")
	consumerName, _, _ = strings.Cut(consumerName, ".") // a filter may follow
	s := v.streams[name]
	if area+"."+verb == "STREAM.CREATE" {
		v.create(name, data, say)
		return
	}
	if s == nil {
		say("error", nil, &apiError{404, codeStreamNotFound, "stream not found"})
		return
	}
	switch area + "." + verb {
	case "STREAM.INFO":
		var ask struct {
			SubjectsFilter string `json:"subjects_filter"`
		}
		_ = json.Unmarshal(data, &ask)
		say("stream_info_response", s.info(ask.SubjectsFilter), nil)
	case "STREAM.MSG.GET":
		m, err := s.get(data)
		if err != nil {
			say("stream_msg_get_response", nil, err)
			return
		}
		fields := map[string]any{"subject": m.Subject, "seq": m.Sequence, "data": m.Data, "time": m.Stored.UTC()}
		if m.Header != "" {
			fields["hdrs"] = []byte(m.Header)
		}
		say("stream_msg_get_response", map[string]any{"message": fields}, nil)
	case "CONSUMER.CREATE":
		c, err := s.createConsumer(consumerName, data)
		if err != nil {
			say("consumer_create_response", nil, err)
			return
		}
		say("consumer_create_response", c.info(), nil)
	case "CONSUMER.INFO", "CONSUMER.DELETE", "CONSUMER.MSG.NEXT":
		v.consumerAPI(s, verb, consumerName, reply, data, say)
	default:
		say("error", nil, &apiError{400, codeBadRequest, "the model does not know " + subject})
	}
}

func (v *Server) consumerAPI(s *stream, verb, name, reply string, data []byte, say func(string, map[string]any, *apiError)) {
	c := s.consumers[name]
	switch {
	case verb == "MSG.NEXT" && c == nil: // nobody listens there
		v.deliver(reply, "", status("503"), nil)
	case verb == "MSG.NEXT":
		c.next(reply, data)
	case c == nil:
		say("consumer_"+strings.ToLower(verb)+"_response", nil, &apiError{404, codeConsumerNotFound, "consumer not found"})
	case verb == "DELETE":
		c.end()
		delete(s.consumers, name)
		say("consumer_delete_response", map[string]any{"success": true}, nil)
	default:
		say("consumer_info_response", c.info(), nil)
	}
}

func (v *Server) create(name string, data []byte, say func(string, map[string]any, *apiError)) {
	var cfg jetstream.StreamConfig
	err := json.Unmarshal(data, &cfg)
	switch {
	case err != nil:
		say("stream_create_response", nil, &apiError{400, codeBadRequest, err.Error()})
		return
	case v.streams[name] != nil:
		say("stream_create_response", nil, &apiError{400, codeStreamNameInUse, "stream name already in use with a different configuration"})
		return
	}
	for _, limit := range []*int64{&cfg.MaxMsgs, &cfg.MaxBytes, &cfg.MaxMsgsPerSubject} {
		if *limit == 0 {
			*limit = -1
		}
	}
	if cfg.MaxConsumers == 0 {
		cfg.MaxConsumers = -1
	}
	if cfg.MaxMsgSize == 0 {
		cfg.MaxMsgSize = -1
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	s := &stream{server: v, cfg: cfg, created: time.Now().UTC(), last: map[string]uint64{},
		batches: map[string]*batch{}, consumers: map[string]*consumer{}}
	v.streams[name] = s
	if len(cfg.Sources) > 0 {
		s.sourcing = true
		s.sourceAfter(v.lag(time.Now()))
	}
	say("stream_create_response", s.info(""), nil)
}

func (s *stream) info(subjects string) map[string]any {
	return map[string]any{"config": s.cfg, "created": s.created, "state": s.state(subjects), "ts": time.Now().UTC()}
}

// get finds the message that a request names.
func (s *stream) get(data []byte) (*Message, *apiError) {
	var ask struct {
		Seq    uint64 `json:"seq"`
		LastBy string `json:"last_by_subj"`
		NextBy string `json:"next_by_subj"`
	}
	if err := json.Unmarshal(data, &ask); err != nil {
		return nil, &apiError{400, codeBadRequest, "bad request"}
	}
	var m *Message
	switch {
	case ask.LastBy != "":
		m = s.newest(ask.LastBy)
	case ask.NextBy != "":
		from := min(max(ask.Seq, 1)-1, uint64(len(s.msgs)))
		if i := slices.IndexFunc(s.msgs[from:], func(m *Message) bool { return !m.Gone && matches(ask.NextBy, m.Subject) }); i >= 0 {
			m = s.msgs[int(from)+i]
		}
	default:
		m = s.at(ask.Seq)
	}
	if m == nil {
		return nil, &apiError{404, codeMessageNotFound, "no message found"}
	}
	return m, nil
}

// direct answers a direct get: the message itself, with where it stood in headers.
func (v *Server) direct(rest string, data []byte, answer func(h string, data []byte)) {
	name, subject, _ := strings.Cut(rest, ".")
	s := v.streams[name]
	if s == nil || !s.cfg.AllowDirect {
		answer(status("503"), nil)
		return
	}
	if subject != "" {
		data = encode(map[string]any{"last_by_subj": subject})
	}
	m, err := s.get(data)
	if err != nil {
		answer(status("404 Message Not Found"), nil)
		return
	}
	h := m.Header
	for _, f := range [][2]string{
		{"Nats-Stream", name}, {"Nats-Subject", m.Subject}, {"Nats-Sequence", strconv.FormatUint(m.Sequence, 10)},
		{"Nats-Time-Stamp", m.Stored.UTC().Format(time.RFC3339Nano)},
	} {
		h = with(h, f[0], f[1])
	}
	answer(h, m.Data)
}
