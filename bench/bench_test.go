// Package bench measures presenced side by side with what it was chosen over.
// Absolute figures depend on the machine; bench/README.md quotes the ratios.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

const people = 10_000

func userID(i int) presence.UserID {
	return presence.UserID(fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i))
}

// changes is an event for each of the people, the n-th of each.
func changes(n int) []*presence.Event {
	rule := presence.Rule{Tenant: "contoso", GapAfter: time.Minute}
	words := []string{"Available", "Busy"}
	at := time.Date(2026, 11, 23, 9, 0, n, 0, time.UTC)
	before, after := words[n%2], words[(n+1)%2]
	events := make([]*presence.Event, people)
	for i := range events {
		last := presence.State{Presence: presence.Presence{Availability: before, Activity: before}, Revision: uint64(n + 1), Since: at, Confirmed: at}
		e, _ := rule.Diff(last, presence.Answer{User: userID(i), Presence: presence.Presence{Availability: after, Activity: after}, Asked: at, At: at.Add(time.Second)})
		events[i] = e
	}
	return events
}

func server(b *testing.B) *natsembed.Server {
	s, err := natsembed.Start(b.Context(), natsembed.Config{StoreDir: b.TempDir(), MaxStore: 8 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}

func openLog(b *testing.B, s *natsembed.Server) *publisher.Log {
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: "bench", Server: s}, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	log, _, err := publisher.Open(b.Context(), conn, publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: time.Hour, Replicas: 1, Manage: publisher.ManageCreate})
	if err != nil {
		b.Fatal(err)
	}
	return log
}

// BenchmarkPublish brings 10,000 changes into a log that syncs before each ack: by
// our batches, by asynchronous publishes, and one by one.
func BenchmarkPublish(b *testing.B) {
	b.Run("batches", func(b *testing.B) {
		log := openLog(b, server(b))
		c := publisher.NewChain(log, publisher.ChainConfig{Tenant: "contoso", Replica: "bench"})
		if _, err := c.Acquire(b.Context(), presence.Owner{}, presence.Ledger{}); err != nil {
			b.Fatal(err)
		}
		n := 0
		for b.Loop() {
			for part := range slices.Chunk(changes(n), presence.MaxBatch) {
				if err := c.Append(b.Context(), presence.Batch{Events: part}); err != nil {
					b.Fatal(err)
				}
			}
			n++
		}
		b.ReportMetric(float64(n*people)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("async", func(b *testing.B) {
		js := plain(b)
		n := 0
		for b.Loop() {
			for _, e := range changes(n) {
				data, err := json.Marshal(e)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := js.PublishAsync(e.Subject("presence"), data, jetstream.WithStallWait(time.Minute)); err != nil {
					b.Fatal(err)
				}
			}
			<-js.PublishAsyncComplete()
			n++
		}
		b.ReportMetric(float64(n*people)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("one-by-one", func(b *testing.B) {
		js := plain(b)
		n := 0
		const few = 500 // the rest would take too long
		for b.Loop() {
			for _, e := range changes(n)[:few] {
				data, err := json.Marshal(e)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := js.Publish(b.Context(), e.Subject("presence"), data); err != nil {
					b.Fatal(err)
				}
			}
			n++
		}
		b.ReportMetric(float64(n*few)/b.Elapsed().Seconds(), "events/s")
	})
}

// plain is a stream as one would make it without presenced.
func plain(b *testing.B) jetstream.JetStream {
	nc, err := nats.Connect("", nats.InProcessServer(server(b)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "PRESENCE", Subjects: []string{"presence.>"}, MaxAge: time.Hour}); err != nil {
		b.Fatal(err)
	}
	return js
}
