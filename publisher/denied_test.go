package publisher_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap/zaptest"

	"presenced/presence"
	"presenced/publisher"
)

// startGuarded runs a server whose user poor has no more rights than given, and
// gives connections to it.
func startGuarded(t *testing.T, poor server.SubjectPermission) (as func(user string) *publisher.Connection) {
	t.Helper()
	srv := startPlain(t, &server.Options{Users: []*server.User{
		{Username: "admin", Password: "admin"},
		{Username: "poor", Password: "poor", Permissions: &server.Permissions{Publish: &poor}},
	}})
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
	as := startGuarded(t, server.SubjectPermission{Allow: []string{"$JS.API.>", "$SYS.REQ.USER.INFO", "presence.>", "$KV.presence.>"}})
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

// A right that is taken away under way is named; the batch goes through, once, when
// it is given back.
func TestRightTakenAwayUnderWay(t *testing.T) {
	t.Parallel()
	options := func(deny ...string) *server.Options {
		return &server.Options{Users: []*server.User{{Username: "user", Password: "user", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: deny}}}}}
	}
	opts := options()
	srv := startPlain(t, opts)
	log := openAt(t, strings.Replace(srv.ClientURL(), "nats://", "nats://user:user@", 1))
	c, _ := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Available", "Available", userID(1), userID(2)))
	for _, subject := range []string{"presenced.owner.>", "presence.contoso.user.*.change.>"} {
		reload := func(deny ...string) {
			changed := opts.Clone()
			changed.Users = options(deny...).Users
			if err := srv.ReloadOptions(changed); err != nil {
				t.Fatal(err)
			}
		}
		reload(subject)
		b := p.become("Busy"+fmt.Sprint(len(subject)), "Busy", userID(1), userID(2))
		var err error
		for err == nil || !strings.Contains(err.Error(), "grant it") {
			if err = c.Append(t.Context(), b); err == nil || errors.Is(err, presence.ErrDeposed) || t.Context().Err() != nil {
				t.Fatalf("append without the right to %s: %v", subject, err)
			}
		}
		if !strings.Contains(err.Error(), subject[:16]) {
			t.Errorf("append: %v, want %s named", err, subject)
		}
		reload()
		appendUntilKnown(t, c, b)
	}
	if n := len(read(t, log)); n != 6 {
		t.Errorf("%d events in the log, want 6", n)
	}
}
