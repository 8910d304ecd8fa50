package publisher_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

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
		passes bool // by itself; otherwise somebody has to mend the log
	}{
		"batches switched off": {
			fault: edit(func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true }),
			want:  "turn allow_atomic on",
		},
		"full, new messages refused": {
			fault: edit(func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1, jetstream.DiscardNew }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = -1, jetstream.DiscardOld }),
			want:  "(10077)", passes: true,
		},
		"messages too large": {
			fault: edit(func(c *jetstream.StreamConfig) { c.MaxMsgSize = 300 }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.MaxMsgSize = -1 }),
			want:  "(10054)",
		},
		"subjects taken away": {
			fault: edit(func(c *jetstream.StreamConfig) { c.Subjects = []string{"presence.>"} }),
			mend:  edit(func(c *jetstream.StreamConfig) { c.Subjects = []string{"presence.>", "presenced.owner.*"} }),
			want:  "no longer takes", passes: true,
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
			want: "no stream takes presenced.owner", doubt: true, passes: true,
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
			if errors.Is(err, publisher.ErrUnfit) == tc.passes {
				t.Errorf("append: %v; want %v in it: %t", err, publisher.ErrUnfit, !tc.passes)
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
	srv, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: t.TempDir(), MaxStore: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	log := openLog(t, srv)
	c, _ := owned(t, log, "a")
	js := rawJetStream(t, srv)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "other", make([]byte, 128<<10)); err != nil {
		t.Fatal(err)
	}
	p := newPeople()
	written := 0
	var b presence.Batch
	for i := range 1000 {
		b = p.become("Available", "Available", userID(i))
		if err = c.Append(t.Context(), b); err != nil {
			break
		}
		written++
	}
	if err == nil || !strings.Contains(err.Error(), "free or grant space") || errors.Is(err, publisher.ErrUnfit) {
		t.Fatalf("append to a full store: %v", err)
	}
	if n := len(read(t, log)); n != written {
		t.Errorf("%d events in the log, %d were acknowledged", n, written)
	}
	erase(t, js, "OTHER", "other")
	appendUntilKnown(t, c, b)
	if n := len(read(t, log)); n != written+1 {
		t.Errorf("%d events in the log once there is room, want %d", n, written+1)
	}
}

// An event that the server would not take is told before any of its batch is sent.
func TestMessageAboveMaxPayload(t *testing.T) {
	t.Parallel()
	srv := startPlain(t, &server.Options{MaxPayload: 1000})
	log := openAt(t, srv.ClientURL())
	c, _ := owned(t, log, "a")
	err := c.Append(t.Context(), newPeople().become(strings.Repeat("Long", 200), "Busy", userID(1)))
	if !errors.Is(err, publisher.ErrUnfit) || publisher.InDoubt(err) || !strings.Contains(err.Error(), "max_payload of 1000") {
		t.Errorf("append: %v, want %v and the limit's name", err, publisher.ErrUnfit)
	}
	mustAppend(t, c, newPeople().beat())
	if n := len(read(t, log)); n != 0 {
		t.Errorf("%d events in the log, want none", n)
	}
}

// startPlain runs a server as it comes, with JetStream.
func startPlain(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.Port, opts.NoSigs, opts.NoLog, opts.JetStream, opts.StoreDir = "127.0.0.1", -1, true, true, true, t.TempDir()
	srv, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("server is not ready")
	}
	return srv
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
