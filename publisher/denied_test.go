package publisher_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"presenced/presence"
	"presenced/publisher"
)

// startGuarded runs a server whose user poor has no more rights than given, and
// gives connections to it.
func startGuarded(t *testing.T, poor server.SubjectPermission) (as func(user string) *publisher.Connection) {
	t.Helper()
	return startWatched(t, poor, zaptest.NewLogger(t))
}

// startWatched is startGuarded with a log of one's own.
func startWatched(t *testing.T, poor server.SubjectPermission, log *zap.Logger) (as func(user string) *publisher.Connection) {
	t.Helper()
	srv := startPlain(t, &server.Options{Users: []*server.User{
		{Username: "admin", Password: "admin"},
		{Username: "poor", Password: "poor", Permissions: &server.Permissions{Publish: &poor}},
	}})
	return func(user string) *publisher.Connection {
		conn, err := publisher.Connect(publisher.ConnectionConfig{URL: srv.ClientURL(), Options: []nats.Option{nats.UserInfo(user, user)}}, log)
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

// A batch without the right to write it says so once, and names nobody: not in its
// error, not in the log, not where /readyz asks the connection.
func TestRefusalsNameNobody(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.InfoLevel)
	as := startWatched(t, server.SubjectPermission{Deny: []string{"presence.>", "$KV.presence.>"}}, zap.New(core))
	admin, _, err := publisher.Open(t.Context(), as("admin"), config)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeople()
	c, _ := owned(t, admin, "a")
	mustAppend(t, c, p.become("Available", "Available", userID(0)))
	conn := as("poor")
	log, _, err := publisher.Open(t.Context(), conn, config)
	if err != nil {
		t.Fatal(err)
	}
	var all []presence.UserID
	for i := range 100 {
		all = append(all, userID(i))
	}
	c, _ = owned(t, log, "b")
	b := p.become("Busy", "InAMeeting", all...)
	said := func(what string, err error, right string) {
		t.Helper()
		if err == nil || namesUsers(err.Error()) || !strings.Contains(err.Error(), `"`+right+`"`) {
			t.Errorf("%s: %v, want %s in it, and nobody", what, err, right)
		}
	}
	for range 2 {
		said("append", c.Append(t.Context(), b), "presence.contoso.user.>")
	}
	said("last error", conn.LastError(), "presence.contoso.user.>")
	_, err = publisher.Put(t.Context(), log, tenant, userID(0), 3, 0)
	said("put entry", err, "$KV.presence.contoso.>")
	for _, line := range logs.All() {
		if text := fmt.Sprint(line.ContextMap()); namesUsers(text) {
			t.Errorf("%s: %s", line.Message, text)
		}
	}
	if n := logs.FilterMessage("nats connection").Len(); n != 2 {
		t.Errorf("%d lines for two subjects, want one each", n)
	}
}

// namesUsers reports whether the text has a user's id in it, or somebody's presence.
func namesUsers(text string) bool {
	for _, word := range []string{"-0000-4000-8000-", "Busy", "InAMeeting", "Available"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// Nor do errors without a refusal.
func TestErrorsNameNobody(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, _ := owned(t, log, "a")
	p := newPeople()
	e := p.become("Busy", "InAMeeting", userID(1)).Events[0]
	p.clock = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := c.Append(t.Context(), p.become("Busy", "InAMeeting", userID(2))); err == nil || namesUsers(err.Error()) {
		t.Errorf("an event that cannot be encoded: %v", err)
	}
	if err := rawJetStream(t, srv).DeleteStream(t.Context(), "PRESENCE"); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Send(t.Context(), log, e); err == nil || namesUsers(err.Error()) || !strings.Contains(err.Error(), "presence.contoso.user.>") {
		t.Errorf("an event that no stream takes: %v", err)
	}
}

func TestHideUsers(t *testing.T) {
	t.Parallel()
	id := string(userID(1))
	for text, want := range map[string]string{
		`Publish to "presence.contoso.user.` + id + `.change.Busy.InAMeeting"`: `Publish to "presence.contoso.user.>"`,
		`Publish to "a.b.contoso.user.` + id + `.left"`:                        `Publish to "a.b.contoso.user.>"`,
		`Publish to "presence.user.user.` + strings.ToUpper(id) + `.left"`:     `Publish to "presence.user.user.>"`,
		`Publish to "$KV.presence.contoso.` + id + `"`:                         `Publish to "$KV.presence.contoso.>"`,
		`"$JS.API.CONSUMER.CREATE.S.n.presence.*.user.` + id + `.>" and more`:  `"$JS.API.CONSUMER.CREATE.S.n.presence.*.user.>" and more`,
		"no stream takes presence.contoso.user." + id + ".left":                "no stream takes presence.contoso.user.>",
		`"p.c.user.` + id + `.left", "$KV.p.c.` + id + `"`:                     `"p.c.user.>", "$KV.p.c.>"`,
		`Publish to "presenced.owner.contoso_dn734i1kjec8"`:                    `Publish to "presenced.owner.contoso_dn734i1kjec8"`,
		`Subscription to "presence.*.user.*.change.*.Presenting"`:              `Subscription to "presence.*.user.*.change.*.Presenting"`,
		`Publish to "presence.contoso.source.up"`:                              `Publish to "presence.contoso.source.up"`,
		"nats: timeout": "nats: timeout",
		"":              "",
	} {
		if got := publisher.HideUsers(text); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", text, got, want)
		}
	}
}

// What the connection says again and again is logged once in a while.
func TestConnectionIsNotLoggedAgainAndAgain(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.InfoLevel)
	conn := startWatched(t, server.SubjectPermission{}, zap.New(core))("admin")
	start := time.Now()
	for _, say := range []struct {
		after time.Duration
		text  string
		lines int
	}{
		{0, "a", 1},
		{time.Second, "a", 1},
		{2 * time.Second, "b", 2},
		{time.Minute - 1, "a", 2},
		{time.Minute, "a", 3},
		{time.Minute + time.Second, "b", 3},
	} {
		publisher.Hear(conn, errors.New(say.text), start.Add(say.after))
		if n := logs.Len(); n != say.lines {
			t.Errorf("%d lines after %q at %v, want %d", n, say.text, say.after, say.lines)
		}
	}
}
