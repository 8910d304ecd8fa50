package publisher_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// Faults that a real server shows by itself: the append fails with words that help,
// nothing is stored, and once the cause is gone the same batch goes through.
func TestFaultsOfARealServer(t *testing.T) {
	t.Parallel()
	edit := func(change func(*jetstream.StreamConfig)) func(*testing.T, jetstream.JetStream) {
		return func(t *testing.T, js jetstream.JetStream) {
			s, err := js.Stream(t.Context(), "PRESENCE")
			if err != nil {
				t.Fatal(err)
			}
			cfg := s.CachedInfo().Config
			change(&cfg)
			if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tc := range map[string]struct {
		fault  func(*testing.T, jetstream.JetStream)
		mend   func(*testing.T, jetstream.JetStream) // nil: cannot be mended
		want   string
		doubt  bool
		deface func(*presence.Batch)
	}{
		"batches switched off": {
			fault: edit(func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true }),
			want:  "turn allow_atomic on",
		},
		"full, new messages refused": {
			fault: edit(func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1, jetstream.DiscardNew }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = -1, jetstream.DiscardOld }),
			want:  "(10077)",
		},
		"messages too large": {
			fault: edit(func(c *jetstream.StreamConfig) { c.MaxMsgSize = 300 }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.MaxMsgSize = -1 }),
			want:  "(10054)",
		},
		"subjects taken away": {
			fault: edit(func(c *jetstream.StreamConfig) { c.Subjects = []string{"presence.>"} }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.Subjects = []string{"presence.>", "presenced.owner.*"} }),
			want:  "no longer takes",
		},
		"sealed": {
			fault: edit(func(c *jetstream.StreamConfig) { c.Sealed = true }),
			want:  "sealed",
		},
		"stream deleted": {
			fault: func(t *testing.T, js jetstream.JetStream) {
				if err := js.DeleteStream(t.Context(), "PRESENCE"); err != nil {
					t.Fatal(err)
				}
			},
			want: "in doubt", doubt: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			log := openLog(t, srv)
			c, _ := owned(t, log, "a")
			p := newPeople()
			mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2)))
			js := rawJetStream(t, srv)
			tc.fault(t, js)
			b := p.become("Busy", "Busy", userID(1), userID(2))
			err := c.Append(t.Context(), b)
			if err == nil || !strings.Contains(err.Error(), tc.want) || publisher.InDoubt(err) != tc.doubt || errors.Is(err, presence.ErrDeposed) {
				t.Fatalf("append: %v (in doubt %t), want %q in it and in doubt %t", err, publisher.InDoubt(err), tc.want, tc.doubt)
			}
			if tc.mend == nil {
				return
			}
			tc.mend(t, js)
			mustAppend(t, c, b)
			if n := len(read(t, log)); n != 4 {
				t.Errorf("%d events in the log, want 4", n)
			}
		})
	}
}

// A store that is full says so at once and takes the batch when there is room again.
func TestStorageLimit(t *testing.T) {
	t.Parallel()
	srv, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: t.TempDir(), MaxStore: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	log := openLog(t, srv)
	c, _ := owned(t, log, "a")
	p := newPeople()
	written := 0
	for i := range 1000 {
		b := p.become("Available", "Available", userID(i))
		if err = c.Append(t.Context(), b); err != nil {
			break
		}
		written++
	}
	if err == nil || !strings.Contains(err.Error(), "free or grant space") {
		t.Fatalf("append to a full store: %v", err)
	}
	if n := len(read(t, log)); n != written {
		t.Errorf("%d events in the log, %d were acknowledged", n, written)
	}
}

// Someone who deletes or rewrites our owner message deposes us.
func TestForeignHandsOnTheOwnerMessage(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string]func(*testing.T, jetstream.JetStream, string){
		"removed": func(t *testing.T, js jetstream.JetStream, subject string) { erase(t, js, "PRESENCE", subject) },
		"overwritten": func(t *testing.T, js jetstream.JetStream, subject string) {
			if _, err := js.Publish(t.Context(), subject, []byte("mine")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			log := openLog(t, srv)
			c, _ := owned(t, log, "a")
			foreign(t, rawJetStream(t, srv), publisher.OwnerSubject(log, tenant))
			p := newPeople()
			if err := c.Append(t.Context(), p.become("Busy", "Busy", userID(1))); !errors.Is(err, presence.ErrDeposed) {
				t.Fatalf("append: %v, want %v", err, presence.ErrDeposed)
			}
			seen, err := newChain(log, "b").Owner(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if seen.Sequence > 0 && (seen.Replica != "" || seen.Epoch != seen.Sequence) {
				t.Errorf("an owner message that cannot be read is %+v, want no replica and an epoch nobody had", seen)
			}
			owned(t, log, "b")
		})
	}
}

// startGuarded runs a server whose user poor has no more rights than given, and
// gives connections to it.
func startGuarded(t *testing.T, poor server.SubjectPermission) (as func(user string) *publisher.Connection) {
	t.Helper()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		Users: []*server.User{
			{Username: "admin", Password: "admin"},
			{Username: "poor", Password: "poor", Permissions: &server.Permissions{Publish: &poor}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("server is not ready")
	}
	return func(user string) *publisher.Connection {
		conn, err := publisher.Connect(publisher.ConnectionConfig{URL: srv.ClientURL(), Options: []nats.Option{nats.UserInfo(user, user)}}, zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		if err := conn.AwaitConnected(t.Context()); err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

// A right that is missing is told by name, not as a timeout.
func TestMissingRights(t *testing.T) {
	t.Parallel()
	as := startGuarded(t, server.SubjectPermission{Allow: []string{"$JS.API.>", "$SYS.REQ.USER.INFO", "presence.>"}})
	if _, _, err := publisher.Open(t.Context(), as("admin"), config); err != nil {
		t.Fatal(err)
	}
	poor := as("poor")
	lacking, err := poor.Lacks(t.Context(), config)
	if err != nil || len(lacking) != 1 || lacking[0] != "publish presenced.owner.*" {
		t.Errorf("Lacks = %q, %v; want the owner subject alone", lacking, err)
	}
	if lacking, err := as("admin").Lacks(t.Context(), config); err != nil || len(lacking) != 0 {
		t.Errorf("Lacks of the admin = %q, %v", lacking, err)
	}
	log, _, err := publisher.Open(t.Context(), poor, config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = newChain(log, "a").Acquire(t.Context(), presence.Owner{}, presence.Ledger{})
	if err == nil || !strings.Contains(err.Error(), `"presenced.owner.contoso_`) || !strings.Contains(err.Error(), "grant it") {
		t.Errorf("acquire without the right: %v, want the subject's name in it", err)
	}
}

// Nor does a load without a right hang.
func TestReadingNamesTheRightItLacks(t *testing.T) {
	t.Parallel()
	for name, denied := range map[string]string{
		"newest entry of the table": "$JS.API.STREAM.MSG.GET.KV_presence",
		"consumer of the log":       "$JS.API.CONSUMER.CREATE.PRESENCE.>",
		"messages of the table":     "$JS.API.CONSUMER.MSG.NEXT.KV_presence.*",
		"messages of the log":       "$JS.API.CONSUMER.MSG.NEXT.PRESENCE.*",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := startGuarded(t, server.SubjectPermission{Deny: []string{denied}})
			log, _, err := publisher.Open(t.Context(), as("admin"), config)
			if err != nil {
				t.Fatal(err)
			}
			c, own := owned(t, log, "a")
			mustAppend(t, c, newPeople().become("Busy", "Busy", userID(1)))
			awaitTable(t, log, own)
			poor, _, err := publisher.Open(t.Context(), as("poor"), config)
			if err != nil {
				t.Fatal(err)
			}
			c, own = owned(t, poor, "b")
			_, err = c.Load(t.Context(), own)
			right := strings.TrimRight(denied, ".*>")
			if err == nil || !strings.Contains(err.Error(), right) || !strings.Contains(err.Error(), "grant it") {
				t.Errorf("load: %v, want %s in it", err, right)
			}
		})
	}
}
