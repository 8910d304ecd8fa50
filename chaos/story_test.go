package chaos_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"presenced/natsembed"
	"presenced/publisher"
	"presenced/trial"
)

// story is all that a store tells once no daemon has it.
type story struct {
	trial.Story
	last uint64 // where the log ends
}

// read opens the store with a server of its own, reads the log from end to end,
// and checks that the table says the same.
func read(t *testing.T, store string) story {
	t.Helper()
	server, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: store})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	log, conn, err := trial.OpenLog(ctx, publisher.ConnectionConfig{Name: t.Name(), Server: server}, trial.LogConfig(1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := server.Healthz(); err != nil {
		t.Errorf("the store is damaged: %v", err)
	}
	s := story{last: lastSequence(ctx, t, conn)}
	if s.Story, err = trial.ReadLog(ctx, log); err != nil {
		t.Fatal(err)
	}
	looking, cancel := context.WithTimeout(ctx, time.Minute) // a server that starts may ask the log for more after 10 s only
	defer cancel()
	if err := trial.AwaitTable(looking, 200*time.Millisecond, log, s.Entries); err != nil {
		t.Fatal(err)
	}
	return s
}

func lastSequence(ctx context.Context, t *testing.T, conn *publisher.Connection) uint64 {
	t.Helper()
	js, err := jetstream.New(conn.Conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, "PRESENCE")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.LastSeq
}
