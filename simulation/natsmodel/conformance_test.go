package natsmodel_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"presenced/natsembed"
	"presenced/simulation/natsmodel"
	"presenced/simulation/network"
)

// model dials the model.
type model struct{ server *natsmodel.Server }

func (m model) InProcessConn() (net.Conn, error) {
	l := network.New(func(bool, time.Time) time.Duration { return 100 * time.Microsecond })
	go m.server.Serve(l.Server)
	return l.Client, nil
}

// TestConformance has the real server and the model carry out the same script, and
// compares every answer.
func TestConformance(t *testing.T) {
	real, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", MaxStore: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(real.Close)
	imagined := model{natsmodel.New(func(time.Time) time.Duration { return time.Millisecond }, nil)}
	want, got := carryOut(t, real), carryOut(t, imagined)
	if len(want) < 60 {
		t.Errorf("the script has %d steps, want 60 or more", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the model differs from nats-server %s (-real +model):\n%s", natsembed.Version, diff)
	}
}

// actor carries out the script on one server and writes down what it is told.
type actor struct {
	t    *testing.T
	conn *nats.Conn
	said []string
}

func carryOut(t *testing.T, server nats.InProcessConnProvider) []string {
	conn, err := nats.Connect("", nats.InProcessServer(server), nats.Name("actor"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a := &actor{t: t, conn: conn}
	a.streams()
	a.publishes()
	a.batches()
	a.reads()
	a.consumers()
	a.table()
	a.core()
	return a.said
}

func (a *actor) note(step string, format string, args ...any) {
	a.said = append(a.said, step+": "+fmt.Sprintf(format, args...))
}

// ask sends a request and returns the answer; a status instead of one is a status.
func (a *actor) ask(subject string, h nats.Header, data string) *nats.Msg {
	m, err := a.conn.RequestMsg(&nats.Msg{Subject: subject, Header: h, Data: []byte(data)}, 20*time.Second)
	if err != nil {
		return &nats.Msg{Data: []byte(strconv.Quote(err.Error()))}
	}
	return m
}

// api notes the named fields of an answer, and its error.
func (a *actor) api(step, subject, data string, fields ...string) map[string]any {
	var answer map[string]any
	m := a.ask("$JS.API."+subject, nil, data)
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		a.note(step, "%s", m.Data)
		return nil
	}
	if e, ok := answer["error"].(map[string]any); ok {
		a.note(step, "error %v %v %v", e["code"], e["err_code"], e["description"])
		return nil
	}
	var values []string
	for _, f := range fields {
		v := any(answer)
		for part := range strings.SplitSeq(f, "/") {
			inside, _ := v.(map[string]any)
			v = inside[part]
		}
		values = append(values, fmt.Sprintf("%s=%v", f, v))
	}
	a.note(step, "%s", strings.Join(values, " "))
	return answer
}

// put publishes with a reply and notes the ack. Headers are name, value, …
func (a *actor) put(step, subject, data string, headers ...string) {
	h := nats.Header{}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = []string{headers[i+1]}
	}
	m := a.ask(subject, h, data)
	if len(m.Data) == 0 {
		a.note(step, "empty %s", m.Header.Get("Status"))
		return
	}
	var ack struct {
		Stream, Batch string
		Seq, Count    int
		Error         *struct {
			Code        int
			ErrCode     int `json:"err_code"`
			Description string
		}
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		a.note(step, "%s", m.Data)
		return
	}
	if ack.Error != nil {
		a.note(step, "error %+v stream %q", *ack.Error, ack.Stream)
		return
	}
	a.note(step, "stream %s seq %d batch %q count %d", ack.Stream, ack.Seq, ack.Batch, ack.Count)
}

const logConfig = `{"name":"PRESENCE","subjects":["presence.>","presenced.owner.*"],"retention":"limits","storage":"file","discard":"old",
	"max_age":2592000000000000,"num_replicas":1,"allow_atomic":true,"allow_rollup_hdrs":true,"allow_direct":false}`

func (a *actor) streams() {
	a.api("info of nothing", "STREAM.INFO.PRESENCE", "")
	a.api("create", "STREAM.CREATE.PRESENCE", logConfig, "config/name", "config/max_msgs", "config/max_bytes", "config/max_msgs_per_subject",
		"config/max_consumers", "config/max_msg_size", "config/allow_atomic", "config/allow_direct", "config/num_replicas",
		"state/messages", "state/first_seq", "state/last_seq")
	a.api("create another of the name", "STREAM.CREATE.PRESENCE", `{"name":"PRESENCE","subjects":["else"],"retention":"limits","storage":"file","num_replicas":1}`)
	a.api("create without batches", "STREAM.CREATE.PLAIN", `{"name":"PLAIN","subjects":["plain"],"retention":"limits","storage":"file","num_replicas":1}`, "config/allow_atomic")
	a.api("empty", "STREAM.INFO.PRESENCE", "", "state/messages", "state/last_seq")
	a.api("get of nothing", "STREAM.MSG.GET.PRESENCE", `{"last_by_subj":"presenced.owner.a"}`)
}

const (
	expected = "Nats-Expected-Last-Subject-Sequence"
	rollup   = "Nats-Rollup"
)

func (a *actor) publishes() {
	a.put("first", "presenced.owner.a", "1", expected, "0")
	a.put("again", "presenced.owner.a", "x", expected, "0")
	a.put("ahead", "presenced.owner.a", "x", expected, "9")
	a.put("not a number", "presenced.owner.a", "x", expected, "abc")
	a.put("rolled up", "presenced.owner.a", "2", expected, "1", rollup, "sub")
	a.put("empty condition", "presenced.owner.b", "1", expected, "")
	a.put("lower case", "presenced.owner.b", "2", strings.ToLower(expected), "77")
	a.put("no condition", "presenced.owner.b", "3")
	a.put("subject of no stream", "nowhere", "x")
	a.put("event", "presence.a.user.u1.change.Busy.InACall", "e1", "Content-Type", "application/cloudevents+json")
}

func (a *actor) batches() {
	const id, n, commit = "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit"
	a.put("batch opens", "presenced.owner.a", "3", id, "b1", n, "1", expected, "2", rollup, "sub")
	a.put("batch goes on", "presence.a.user.u1.change.Away.Away", "e2", id, "b1", n, "2")
	a.api("not yet", "STREAM.INFO.PRESENCE", "", "state/last_seq")
	a.put("batch ends", "presence.a.user.u2.snapshot.Away.Away", "e3", id, "b1", n, "3", commit, "1")
	a.api("now", "STREAM.INFO.PRESENCE", "", "state/last_seq", "state/messages")
	a.put("same batch once more", "presenced.owner.a", "x", id, "b1", n, "1", expected, "2", rollup, "sub", commit, "1")
	a.put("refused as a whole", "presence.a.user.u1.change.Busy.Busy", "x", id, "b2", n, "1")
	a.put("by its last message", "presenced.owner.a", "x", id, "b2", n, "2", expected, "2", commit, "1")
	a.api("nothing of it", "STREAM.INFO.PRESENCE", "", "state/last_seq")
	a.put("gap opens", "presence.a.user.u1.change.Busy.Busy", "x", id, "b3", n, "1")
	a.put("gap", "presence.a.user.u1.change.Busy.Busy", "x", id, "b3", n, "3", commit, "1")
	a.put("after the gap", "presence.a.user.u1.change.Busy.Busy", "x", id, "b3", n, "2", commit, "1")
	a.put("begins with two", "presence.a.user.u1.change.Busy.Busy", "x", id, "b4", n, "2", commit, "1")
	a.put("begins with too many", "presence.a.user.u1.change.Busy.Busy", "x", id, "b4", n, "1001", commit, "1")
	a.put("no number", "presence.a.user.u1.change.Busy.Busy", "x", id, "b5", commit, "1")
	a.put("strange commit", "presence.a.user.u1.change.Busy.Busy", "x", id, "b6", n, "1", commit, "yes")
	a.put("written before checked", "presenced.owner.c", "x", id, "b7", n, "1")
	a.put("checked after written", "presenced.owner.c", "x", id, "b7", n, "2", expected, "0", commit, "1")
	a.put("batch of one", "presence.a.user.u3.snapshot.Away.Away", "e4", id, "b8", n, "1", commit, "1")
	a.put("left", "presence.a.user.u2.left", "e5", "KV-Operation", "DEL")
	a.put("source", "presence.a.source.down", "e6")
	a.put("batches disabled", "plain", "x", id, "b9", n, "1", commit, "1")
}

// ident is what a server adds of itself to where a message was sourced from.
var ident = regexp.MustCompile(` \w{5,8}\r\n`)

// message notes a stored message that was asked for.
func (a *actor) message(step, stream, ask string) {
	answer := a.api(step, "STREAM.MSG.GET."+stream, ask, "message/subject", "message/seq", "message/data")
	if m, ok := answer["message"].(map[string]any); ok {
		text, _ := m["hdrs"].(string)
		h, err := base64.StdEncoding.DecodeString(text)
		lines := strings.Split(ident.ReplaceAllString(string(h), "\r\n"), "\r\n") // nats.go sends them in any order
		slices.Sort(lines)
		a.note(step+", headers", "%q %v", lines, err)
	}
}

func (a *actor) reads() {
	a.message("last owner", "PRESENCE", `{"last_by_subj":"presenced.owner.a"}`)
	a.message("last of many", "PRESENCE", `{"last_by_subj":"presence.a.>"}`)
	a.message("by sequence", "PRESENCE", `{"seq":6}`)
	a.message("rolled up away", "PRESENCE", `{"seq":2}`)
	a.message("beyond", "PRESENCE", `{"seq":99}`)
	a.message("next of a subject", "PRESENCE", `{"seq":3,"next_by_subj":"presence.a.user.u1.>"}`)
	a.message("no next", "PRESENCE", `{"seq":99,"next_by_subj":"presence.a.user.u1.>"}`)
	a.api("of no stream", "STREAM.MSG.GET.NONE", `{"seq":1}`)
	a.put("direct get is off", "$JS.API.DIRECT.GET.PRESENCE", `{"seq":6}`)
	a.api("subjects", "STREAM.INFO.PRESENCE", `{"subjects_filter":"presenced.>"}`, "state/subjects", "state/num_subjects")
}

// pull asks a consumer and notes what comes until a status, or until nothing more is wanted.
func (a *actor) pull(step, consumer, ask string, want int) {
	inbox := a.conn.NewInbox()
	sub, err := a.conn.SubscribeSync(inbox)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := a.conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.PRESENCE."+consumer, inbox, []byte(ask)); err != nil {
		a.t.Fatal(err)
	}
	for range want {
		a.heard(step, sub)
	}
}

func (a *actor) heard(step string, sub *nats.Subscription) {
	m, err := sub.NextMsg(20 * time.Second)
	if err != nil {
		a.note(step, "%v", err)
		return
	}
	if status := m.Header.Get("Status"); status != "" {
		a.note(step, "status %s %s left %s", status, m.Header.Get("Description"), m.Header.Get("Nats-Pending-Messages"))
		return
	}
	md, err := m.Metadata()
	if err != nil {
		a.note(step, "%v", err)
		return
	}
	a.note(step, "%s %q seq %d as %d, %d more, of %s", m.Subject, m.Data, md.Sequence.Stream, md.Sequence.Consumer, md.NumPending, md.Stream)
}

func (a *actor) consumers() {
	create := func(name, config string) {
		a.api("consumer "+name, "CONSUMER.CREATE.PRESENCE."+name, `{"stream_name":"PRESENCE","config":{"name":"`+name+`","ack_policy":"none","mem_storage":true,"num_replicas":1,"inactive_threshold":30000000000,"replay_policy":"instant",`+config+`}}`,
			"name", "stream_name", "num_pending", "num_waiting", "delivered/consumer_seq", "config/ack_policy")
	}
	create("tail", `"deliver_policy":"by_start_sequence","opt_start_seq":4,"filter_subjects":["presence.a.>","presenced.owner.a"]`)
	a.pull("tail", "tail", `{"batch":3,"expires":5000000000}`, 3)
	a.api("tail in between", "CONSUMER.INFO.PRESENCE.tail", "", "num_pending", "delivered/consumer_seq", "delivered/stream_seq")
	a.pull("tail, the rest", "tail", `{"batch":50,"no_wait":true}`, 5)
	a.pull("tail, nothing", "tail", `{"batch":5,"no_wait":true}`, 1)
	a.pull("tail, in vain", "tail", `{"batch":5,"expires":1000000000}`, 1)
	a.pull("tail, a heartbeat", "tail", `{"batch":5,"expires":3000000000,"idle_heartbeat":1000000000}`, 1)
	create("last", `"deliver_policy":"last_per_subject","filter_subject":"presence.a.user.>"`)
	a.pull("last", "last", `{"batch":50,"no_wait":true}`, 6)
	create("all", `"deliver_policy":"by_start_sequence","opt_start_seq":1`)
	a.pull("all", "all", `{"batch":2,"expires":5000000000}`, 2)
	a.api("delete", "CONSUMER.DELETE.PRESENCE.all", "", "success")
	a.api("delete again", "CONSUMER.DELETE.PRESENCE.all", "")
	a.api("info of the deleted", "CONSUMER.INFO.PRESENCE.all", "")
	a.pull("of the deleted", "all", `{"batch":1,"no_wait":true}`, 1)
	a.api("consumer of no stream", "CONSUMER.CREATE.NONE.x", `{"stream_name":"NONE","config":{"name":"x","ack_policy":"none"}}`)
}

const tableConfig = `{"name":"KV_presence","subjects":["$KV.presence.>"],"retention":"limits","storage":"file","discard":"new","max_msgs_per_subject":1,
	"num_replicas":1,"allow_rollup_hdrs":true,"deny_delete":true,"allow_direct":false,"sources":[{"name":"PRESENCE","subject_transforms":[
	{"src":"presence.*.user.*.*.*.*","dest":"$KV.presence.{{wildcard(1)}}.{{wildcard(2)}}"},{"src":"presence.*.user.*.left","dest":"$KV.presence.{{wildcard(1)}}.{{wildcard(2)}}"}]}]}`

func (a *actor) table() {
	a.api("create the table", "STREAM.CREATE.KV_presence", tableConfig, "config/max_msgs_per_subject", "config/deny_delete")
	a.await("$KV.presence.a.u2", "e5")
	a.put("one more event", "presence.a.user.u1.change.Offline.Offline", "e7")
	a.await("$KV.presence.a.u1", "e7")
	for _, user := range []string{"u1", "u2", "u3"} {
		a.message("table of "+user, "KV_presence", `{"last_by_subj":"$KV.presence.a.`+user+`"}`)
	}
	a.api("of the table", "STREAM.INFO.KV_presence", `{"subjects_filter":">"}`, "state/subjects", "state/messages")
}

// await waits until a key of the table has a value.
func (a *actor) await(subject, value string) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var answer struct{ Message struct{ Data []byte } }
		m := a.ask("$JS.API.STREAM.MSG.GET.KV_presence", nil, `{"last_by_subj":"`+subject+`"}`)
		if json.Unmarshal(m.Data, &answer) == nil && string(answer.Message.Data) == value {
			return
		}
	}
	a.note("await "+subject, "never became %s", value)
}

func (a *actor) core() {
	sub, err := a.conn.SubscribeSync("talk.*.>")
	if err != nil {
		a.t.Fatal(err)
	}
	a.note("rtt", "%v", a.conn.Flush())
	if err := a.conn.PublishMsg(&nats.Msg{Subject: "talk.a.b.c", Reply: "back", Header: nats.Header{"K": {"v"}}, Data: []byte("hello")}); err != nil {
		a.t.Fatal(err)
	}
	if m, err := sub.NextMsg(20 * time.Second); err != nil {
		a.note("core", "%v", err)
	} else {
		a.note("core", "%s %s %s %q", m.Subject, m.Reply, m.Header.Get("K"), m.Data)
	}
	_ = sub.Unsubscribe()
	a.put("nobody listens any more", "talk.a.b.c", "x")
}
