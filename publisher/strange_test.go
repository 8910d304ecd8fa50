package publisher_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap/zaptest"

	"presenced/publisher"
)

// A server that cannot keep a log says so at once, and why.
func TestServersThatKeepNoLog(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts func(*testing.T) *server.Options
		want string
	}{
		"no JetStream": {func(*testing.T) *server.Options { return &server.Options{} }, "enable JetStream"},
		"an account without JetStream": {func(t *testing.T) *server.Options {
			account := server.NewAccount("POOR")
			return &server.Options{
				JetStream: true, StoreDir: t.TempDir(), Accounts: []*server.Account{account},
				Users: []*server.User{{Username: "user", Password: "user", Account: account}},
			}
		}, "enable JetStream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startAs(t, tc.opts(t))
			conn, err := publisher.Connect(publisher.ConnectionConfig{URL: srv.ClientURL(), Options: []nats.Option{nats.UserInfo("user", "user")}}, zaptest.NewLogger(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(conn.Close)
			if err := conn.AwaitConnected(t.Context()); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			_, _, err = publisher.Open(t.Context(), conn, config)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("open: %v after %s, want %q", err, time.Since(begun), tc.want)
			}
		})
	}
}

// startAs runs a server as it is told, on a port of its own.
func startAs(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.Port, opts.NoSigs, opts.NoLog = "127.0.0.1", -1, true, true
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

// Credentials that are revoked under way, and granted again: what could not be
// written meanwhile is, once.
func TestCredentialsRevokedUnderWay(t *testing.T) {
	t.Parallel()
	user := &server.User{Username: "user", Password: "user"}
	opts := &server.Options{Users: []*server.User{user}}
	srv := startPlain(t, opts)
	log := openAt(t, strings.Replace(srv.ClientURL(), "nats://", "nats://user:user@", 1))
	c, _ := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1)))
	reload := func(users ...*server.User) {
		changed := opts.Clone()
		changed.Users = users
		if err := srv.ReloadOptions(changed); err != nil {
			t.Fatal(err)
		}
	}
	reload(&server.User{Username: "user", Password: "another"})
	b := p.become("Busy", "Busy", userID(1))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	err := c.Append(ctx, b)
	cancel()
	if err == nil {
		t.Fatal("a write went through without credentials")
	}
	reload(user)
	for err != nil {
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err = c.Append(ctx, b)
		cancel()
	}
	got := read(t, log)
	if len(got) != 2 || got[1].Revision != 2 {
		t.Errorf("log = %v, want two events", got)
	}
}

// Messages of others where a user's events are: with headers as large as they can
// be, of a version that is yet to come, from another tenant. An event of ours that
// somebody tells again is not to be told from one, and is damage.
func TestLoadPassesOverStrangeMessages(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(event string, m *nats.Msg)
		intact bool
	}{
		"headers of 60 KiB": {func(_ string, m *nats.Msg) { m.Header = nats.Header{"X": {strings.Repeat("x", 60<<10)}} }, true},
		"the next version":  {func(event string, m *nats.Msg) { m.Data = []byte(strings.Replace(event, ".v1", ".v2", 1)) }, true},
		"another tenant's":  {func(event string, m *nats.Msg) { m.Data = []byte(strings.ReplaceAll(event, tenant, "fabrikam")) }, true},
		"told again":        {func(event string, m *nats.Msg) { m.Data = []byte(event) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			log := openLog(t, srv)
			c, own := owned(t, log, "a")
			p := newPeople()
			mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2)))
			awaitTable(t, log, own)
			first := read(t, log)[0]
			event, err := first.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			m := nats.NewMsg(first.Subject("presence"))
			tc.change(string(event), m)
			if _, err := rawJetStream(t, srv).PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			states, intact := load(t, log, "b")
			if diff := cmp.Diff(p.known(), states); diff != "" || intact != tc.intact {
				t.Errorf("intact %t, want %t; states (-want +got):\n%s", intact, tc.intact, diff)
			}
		})
	}
}
