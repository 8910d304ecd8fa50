package main

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"presenced/publisher"
)

// natsOf is where the daemon's NATS is.
func natsOf(p *process) string {
	m := natsAddress.FindStringSubmatch(p.stderr.String())
	if m == nil {
		p.t.Fatalf("the daemon does not say where NATS is:\n%s", p.stderr.String())
	}
	return m[1]
}

// jetStream goes to a server as any other client does.
func jetStream(t *testing.T, url string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// replay is every message of the log about a user, by its number.
func replay(t *testing.T, server string) map[uint64]string {
	t.Helper()
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: t.Name(), URL: server}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.AwaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	log, _, err := publisher.Open(ctx, conn, publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: publisher.ManageOff})
	if err != nil {
		t.Fatal(err)
	}
	messages := make(map[uint64]string)
	err = log.Replay(ctx, log.Subject("*.user.>"), 0, func(r publisher.Record) { messages[r.Sequence] = r.Subject + " " + string(r.Payload) })
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// wantKept checks that everything that was acknowledged is still there, in its
// place, byte for byte.
func wantKept(t *testing.T, acked, now map[uint64]string) {
	t.Helper()
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged: nothing is proven")
	}
	for seq, want := range acked {
		if got := now[seq]; got != want {
			t.Errorf("message %d is %q, was %q", seq, got, want)
		}
	}
}
