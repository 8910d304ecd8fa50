package docs_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

const (
	tenant = "contoso"
	anna   = presence.UserID("0b5c1cf2-8f5a-4d3c-9f0e-2f6d7a1b9c11")
	bert   = presence.UserID("5d1f7a80-3c2e-4b6f-8a9d-0e1b2c3d4e5f")
	cleo   = presence.UserID("9e2b6c14-7d3a-4f58-b1c0-6a5d4e3f2b10")
	dora   = presence.UserID("c3a4f5b6-1e2d-4c7b-9a80-7f6e5d4c3b21")
)

// stored is a message as a consumer gets it. Name is that of its example in
// events.md; most have none.
type stored struct {
	name    string
	subject string
	header  nats.Header
	payload []byte
}

// story is everything that happened to four people in one morning, and then a
// lot more, written by presenced's own code to a real server.
type story struct {
	log, table   []stored
	streams      map[string]jetstream.StreamConfig
	userSubjects []string // of the log
}

// teller writes the story.
type teller struct {
	tb     testing.TB
	rule   presence.Rule
	states map[presence.UserID]presence.State
	chain  *publisher.Chain
	names  []string // of the messages so far, in the order of the log
}

func at(clock string) time.Time {
	t, err := time.Parse("15:04:05.999", clock)
	if err != nil {
		panic(err) // a misprint in this file
	}
	return t.AddDate(2026, 10, 22)
}

// sees is an answer of Graph's that arrived 184 ms after the request, and the
// event that came of it, if one did.
func (w *teller) sees(name string, user presence.UserID, clock string, p presence.Presence) {
	asked := at(clock)
	e, next := w.rule.Diff(w.states[user], presence.Answer{User: user, Presence: p, Asked: asked, At: asked.Add(184 * time.Millisecond)})
	w.states[user] = next
	if e != nil {
		w.append(name, presence.Batch{Events: []*presence.Event{e}})
	}
}

func (w *teller) leaves(name string, user presence.UserID, clock string) {
	e, next := w.rule.Leave(user, w.states[user], at(clock))
	w.states[user] = next
	w.append(name, presence.Batch{Events: []*presence.Event{e}})
}

func (w *teller) source(name string, e presence.SourceEvent) {
	e.Tenant = tenant
	w.append(name, presence.Batch{Source: &e})
}

func (w *teller) append(name string, b presence.Batch) {
	w.tb.Helper()
	if err := w.chain.Append(w.tb.Context(), b); err != nil {
		w.tb.Fatal(err)
	}
	w.names = append(w.names, name)
}

// examples are what events.md shows.
func (w *teller) examples() {
	free := presence.Presence{Availability: "Available", Activity: "Available", SequenceNumber: "A0129311063"}
	w.source("", presence.SourceEvent{After: presence.SourceUp, At: at("09:00:00.5"), Epoch: 7, N: 1})
	w.sees("snapshot", anna, "09:00:00.028", free)
	w.sees("", anna, "09:14:30.028", free)
	w.sees("change", anna, "09:14:45.028", presence.Presence{Availability: "Busy", Activity: "InACall", SequenceNumber: "A0129311187"})
	w.leaves("left", anna, "11:30:00")

	w.sees("", bert, "08:00:00", presence.Presence{
		Availability: "Offline", Activity: "Offline", StatusMessage: new(""), OutOfOffice: &presence.OutOfOffice{Active: true, Message: "Back on Monday."},
	})
	w.sees("change-with-fields", bert, "09:20:15", presence.Presence{
		Availability: "Available", Activity: "Available", StatusMessage: new("In the office"), OutOfOffice: &presence.OutOfOffice{},
		WorkLocation: &presence.WorkLocation{Type: "office", Source: "manual"},
	})
	w.sees("", dora, "09:00:00.028", free)
	w.sees("snapshot-with-field", dora, "09:25:15.028", presence.Presence{
		Availability: "Available", Activity: "Available", SequenceNumber: "A0129311063", StatusMessage: new("In the office"),
	})
	w.source("source", presence.SourceEvent{
		Before: presence.SourceUp, After: presence.SourceDegraded, Cause: presence.CauseThrottled,
		LastGood: at("09:29:45.028"), At: at("09:30:30.75"), Epoch: 7, N: 2,
	})
	w.rule.Floor = 41
	w.sees("state-lost", cleo, "12:00:00.028", free)
}

// variety is a change to every known word in both fields, a new word, and every
// combination of the optional fields.
func (w *teller) variety(words []string) {
	w.sees("", anna, "12:00:30", presence.Presence{Availability: "Away", Activity: "Away"})
	w.sees("", anna, "12:00:45", presence.Presence{Availability: "Available", Activity: "Available"})
	for i, word := range append(words, presence.Canonical("Sleeping in"), presence.Canonical("")) {
		w.sees("", cleo, "12:01:00", presence.Presence{Availability: word, Activity: words[(i+1)%len(words)]})
	}
	for i := range 16 {
		p := presence.Presence{Availability: words[i], Activity: "Presenting"}
		if i&1 != 0 {
			p.StatusMessage = new("at <home> & \"here\"\u2028")
		}
		if i&2 != 0 {
			p.OutOfOffice = &presence.OutOfOffice{Message: "away"}
		}
		if i&4 != 0 {
			p.WorkLocation = &presence.WorkLocation{Type: "remote", Source: "automatic", PlaceID: "desk 4"}
		}
		if i&8 != 0 {
			p.WorkLocation = &presence.WorkLocation{}
		}
		w.sees("", bert, "12:02:00", p)
	}
	w.leaves("", bert, "12:03:00")
	w.sees("", bert, "12:04:00", presence.Presence{Availability: "Away", Activity: "Away"})
	for i, cause := range []presence.Cause{presence.CauseForbidden, presence.CauseUnauthorized, presence.CauseUnreachable, presence.CauseNATS} {
		w.source("", presence.SourceEvent{Before: presence.SourceDegraded, After: presence.SourceDown, Cause: cause, At: at("12:05:00"), Epoch: 8, N: uint64(i)})
	}
	w.leaves("", cleo, "12:06:00") // and does not come back
}

// startLog is a log on a real server.
func startLog(tb testing.TB) (*natsembed.Server, *publisher.Log) {
	tb.Helper()
	server, err := natsembed.Start(tb.Context(), natsembed.Config{StoreDir: tb.TempDir(), MaxStore: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: tb.Name(), Server: server}, zaptest.NewLogger(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	if err := conn.AwaitConnected(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	log, _, err := publisher.Open(tb.Context(), conn, publisher.Config{
		Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageCreate,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return server, log
}

// startTeller takes the tenant over.
func startTeller(tb testing.TB, log *publisher.Log, replica string) *teller {
	tb.Helper()
	w := &teller{
		tb: tb, rule: presence.Rule{Tenant: tenant, GapAfter: 30 * time.Second}, states: map[presence.UserID]presence.State{},
		chain: publisher.NewChain(log, publisher.ChainConfig{Tenant: tenant, Replica: replica}),
	}
	seen, err := w.chain.Owner(tb.Context())
	if err == nil {
		_, err = w.chain.Acquire(tb.Context(), seen, presence.Ledger{})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// connect is a consumer's connection.
func connect(tb testing.TB, server *natsembed.Server) *nats.Conn {
	tb.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(server))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// tell tells the story and reads it back.
func tell(tb testing.TB) story {
	tb.Helper()
	server, log := startLog(tb)
	w := startTeller(tb, log, "a")
	w.examples()
	w.variety(knownWords(tb))
	return readBack(tb, server, w)
}

func readBack(tb testing.TB, server *natsembed.Server, w *teller) story {
	tb.Helper()
	js, err := jetstream.New(connect(tb, server))
	if err != nil {
		tb.Fatal(err)
	}
	s := story{streams: map[string]jetstream.StreamConfig{}}
	s.log = s.consume(tb, js, "PRESENCE", "presence.>", func(all []stored) bool { return len(all) == len(w.names) })
	var newest []byte
	for i, name := range w.names {
		s.log[i].name = name
		if _, err := presence.ParseEvent(s.log[i].payload); err == nil {
			s.userSubjects = append(s.userSubjects, s.log[i].subject)
			newest = s.log[i].payload
		}
	}
	s.table = s.consume(tb, js, "KV_presence", ">", func(all []stored) bool {
		return bytes.Equal(all[len(all)-1].payload, newest) // the server fills it in the order of the log
	})
	return s
}

// consume reads messages from the first one on until they are all there.
func (s *story) consume(tb testing.TB, js jetstream.JetStream, stream, filter string, complete func([]stored) bool) []stored {
	tb.Helper()
	handle, err := js.Stream(tb.Context(), stream)
	if err != nil {
		tb.Fatal(err)
	}
	s.streams[stream] = handle.CachedInfo().Config
	consumer, err := handle.OrderedConsumer(tb.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
	if err != nil {
		tb.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		tb.Fatal(err)
	}
	defer messages.Stop()
	for all := []stored(nil); ; {
		m, err := messages.Next(jetstream.NextContext(tb.Context()))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, stored{subject: m.Subject(), header: m.Headers(), payload: m.Data()})
		if complete(all) {
			return all
		}
	}
}

// decode is a payload as a reader without types sees it.
func decode(tb testing.TB, payload []byte) map[string]any {
	tb.Helper()
	var v map[string]any
	if err := json.Unmarshal(payload, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}
