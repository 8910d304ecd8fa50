package publisher_test

import (
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"presenced/presence"
	"presenced/publisher"
)

func newReplicas(tb testing.TB, conn *publisher.Connection) *publisher.Replicas {
	tb.Helper()
	r, err := publisher.NewReplicas(conn)
	if err != nil {
		tb.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		tb.Fatal(err)
	}
	return r
}

// next is the next announcement that is heard.
func next(tb testing.TB, r *publisher.Replicas) presence.Announcement {
	tb.Helper()
	select {
	case a := <-r.Heard():
		return a
	case <-time.After(30 * time.Second):
		tb.Fatal("nothing was heard")
		return presence.Announcement{}
	}
}

func TestReplicasHearEachOther(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := newReplicas(t, connect(t, s)), newReplicas(t, connect(t, s))
	for _, said := range []presence.Announcement{
		{Replica: "host/1/ABC", Owned: []string{"contoso"}, Wanted: []string{"contoso", "fabrikam"}},
		{Replica: "host/1/ABC"}, // it leaves
	} {
		if err := a.Announce(said); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(said, next(t, b)); diff != "" {
			t.Errorf("heard (-said +heard):\n%s", diff)
		}
	}
}

// Foreign words are passed over, and more of them than anybody reads block nobody.
func TestReplicasPassOverNoise(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	conn := connect(t, s)
	r := newReplicas(t, connect(t, s))
	for _, noise := range []string{"", "{", "[]", `{"replica":""}`, `{"replica":"x","owned":["presence.>"]}`, `{"replica":"x","wanted":"contoso"}`} {
		if err := conn.Publish("presenced.replicas", []byte(noise)); err != nil {
			t.Fatal(err)
		}
	}
	said := presence.Announcement{Replica: "x", Wanted: []string{"contoso"}}
	for range 2000 {
		data, _ := json.Marshal(said)
		if err := conn.Publish("presenced.replicas", data); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(said, next(t, r)); diff != "" {
		t.Errorf("heard (-said +heard):\n%s", diff)
	}
}

// Without the right there is no balance, a warning or two, and all else works.
func TestReplicasWithoutTheRight(t *testing.T) {
	t.Parallel()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		Users: []*server.User{{Username: "poor", Password: "poor", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Deny: []string{"presenced.replicas"}},
			Subscribe: &server.SubjectPermission{Deny: []string{"presenced.replicas"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("server is not ready")
	}
	var warnings atomic.Int32
	log := zaptest.NewLogger(t, zaptest.WrapOptions(zap.Hooks(func(e zapcore.Entry) error {
		if e.Level >= zap.WarnLevel {
			warnings.Add(1)
		}
		return nil
	})))
	conn, err := publisher.Connect(publisher.ConnectionConfig{URL: srv.ClientURL(), Options: []nats.Option{nats.UserInfo("poor", "poor")}}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := conn.AwaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := newReplicas(t, conn)
	for err = nil; err == nil; { // until the refusal has come back
		err = r.Announce(presence.Announcement{Replica: "x"})
		if flushed := conn.Flush(); flushed != nil {
			t.Fatal(flushed)
		}
	}
	before := warnings.Load()
	for range 100 {
		if r.Announce(presence.Announcement{Replica: "x"}) == nil {
			t.Error("an announcement that is refused is sent again and again")
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := warnings.Load(); n > before+1 {
		t.Errorf("%d warnings, and then %d more", before, n-before)
	}
	missing, err := conn.Misses(t.Context())
	if diff := cmp.Diff([]string{"publish presenced.replicas", "subscribe to presenced.replicas"}, missing); err != nil || diff != "" {
		t.Errorf("Misses: %v (-want +got):\n%s", err, diff)
	}
	if lacking, err := conn.Lacks(t.Context(), config); err != nil || len(lacking) > 0 {
		t.Errorf("Lacks = %q, %v; want nothing: it can be done without", lacking, err)
	}
	events, _, err := publisher.Open(t.Context(), conn, config)
	if err != nil {
		t.Fatal(err)
	}
	owned(t, events, "a")
}

func FuzzAnnouncement(f *testing.F) {
	for _, s := range []string{`{"replica":"a","owned":["contoso"],"wanted":["contoso"]}`, `{"replica":"a"}`, `{}`, `null`, `{"replica":"a","owned":["A"]}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := presence.ParseAnnouncement(payload)
		if err != nil {
			return
		}
		if a.Replica == "" {
			t.Error("an announcement of nobody was taken")
		}
		for _, tenant := range append(a.Owned, a.Wanted...) {
			if !presence.IsTenant(tenant) {
				t.Errorf("tenant %q was taken", tenant)
			}
		}
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		again, err := presence.ParseAnnouncement(data)
		if diff := cmp.Diff(a, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("read back: %v, %s", err, diff)
		}
	})
}
