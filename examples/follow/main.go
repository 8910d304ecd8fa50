// Follow is a complete consumer in one page: it reads everybody's presence from
// the table, follows the log from there, and proves on the way that it missed
// nothing. It stops with an error if it did. Copy it: it imports no package of
// presenced and relies on docs/events.md alone.
//
//	go run ./examples/follow -server nats://127.0.0.1:4222 -tenant contoso
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := flag.String("server", nats.DefaultURL, "the NATS server")
	var f follower
	flag.StringVar(&f.prefix, "prefix", "presence", "what the subjects begin with; also the table's bucket")
	flag.StringVar(&f.stream, "stream", "PRESENCE", "the log")
	flag.StringVar(&f.tenant, "tenant", "*", "a tenant's alias; * for all")
	flag.Parse()
	if err := start(ctx, *server, f); err != nil {
		fmt.Fprintln(os.Stderr, "follow:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, server string, f follower) error {
	nc, err := nats.Connect(server, nats.Name("presence follower"), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", server, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	f.js, f.out, f.revisions = js, os.Stdout, make(map[string]uint64)
	return f.run(ctx)
}

// event is as much of an event as this program needs; other keys are ignored.
type event struct {
	Data struct {
		Tenant   string `json:"tenant"`
		User     string `json:"user"`
		Revision uint64 `json:"revision"`
		After    *state `json:"after"` // nil: left
		Observed struct {
			At time.Time `json:"at"`
		} `json:"observed"`
		Reason string `json:"reason"`
	} `json:"data"`
}

type state struct {
	Availability string `json:"availability"`
	Activity     string `json:"activity"`
}

// follower knows the newest revision of every user that it has seen.
type follower struct {
	prefix, stream, tenant string

	js        jetstream.JetStream
	out       io.Writer
	revisions map[string]uint64 // by tenant/user
}

// run blocks until ctx ends, which is no error, or a message is missing.
func (f *follower) run(ctx context.Context) error {
	from, err := f.bootstrap(ctx)
	if err == nil {
		err = f.follow(ctx, from)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// bootstrap reads the table and returns the place in the log to follow from.
//
// The order is what leaves no gap: first how far the log had been copied into the
// table, then the table. Whatever is copied while the table is read comes a second
// time from the log, and its revision gives it away.
func (f *follower) bootstrap(ctx context.Context) (from uint64, err error) {
	bucket := strings.ReplaceAll(f.prefix, ".", "-")
	table, err := f.js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return 0, fmt.Errorf("open the table: %w", err)
	}
	copied, err := copiedInto(ctx, table, "$KV."+bucket+".>")
	if err != nil {
		return 0, fmt.Errorf("read the position of the table: %w", err)
	}
	entries, err := table.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject: "$KV." + bucket + "." + f.tenant + ".*",
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
		AckPolicy:     jetstream.AckNonePolicy,
	})
	if err != nil {
		return 0, fmt.Errorf("read the table: %w", err)
	}
	for {
		batch, err := entries.FetchNoWait(1000)
		if err != nil {
			return 0, fmt.Errorf("read the table: %w", err)
		}
		for m := range batch.Messages() {
			if err := f.take("table", m.Data()); err != nil {
				return 0, err
			}
		}
		if err := batch.Error(); err != nil {
			return 0, fmt.Errorf("read the table: %w", err)
		}
		// An empty batch is not the end of the table, nothing pending is.
		info, err := entries.Info(ctx)
		if err != nil {
			return 0, fmt.Errorf("read the table: %w", err)
		}
		if info.NumPending == 0 {
			return copied + 1, nil
		}
	}
}

// copiedInto is the sequence up to which the log is in the table: the server notes
// it on every entry that it copies. 0: the table is empty, or its newest entry was
// lost and put back, and the whole log has to be read.
func copiedInto(ctx context.Context, table jetstream.Stream, entries string) (uint64, error) {
	newest, err := table.GetLastMsgForSubject(ctx, entries)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(newest.Header.Get("Nats-Stream-Source")) // stream, sequence, …
	if len(fields) < 2 {
		return 0, nil
	}
	return strconv.ParseUint(fields[1], 10, 64)
}

func (f *follower) follow(ctx context.Context, from uint64) error {
	log, err := f.js.OrderedConsumer(ctx, f.stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{f.prefix + "." + f.tenant + ".user.>"},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
	})
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	messages, err := log.Messages()
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("follow the log: %w", err)
		}
		if err := f.take("log", m.Data()); err != nil {
			return err
		}
	}
}

// take prints what is new. An event from the log must have the revision that
// follows the last one. After a loss of state presenced starts higher, with the
// reason state_lost or, for whoever was taken off the roster meanwhile, left.
func (f *follower) take(from string, payload []byte) error {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("read an event of the %s: %w", from, err)
	}
	d := e.Data
	user := d.Tenant + "/" + d.User
	last := f.revisions[user]
	if d.Revision <= last {
		return nil // known from the table
	}
	lost := d.Reason == "state_lost" || d.Reason == "left"
	if from == "log" && d.Revision != last+1 && !lost {
		return fmt.Errorf("revision %d of %s follows %d: events are missing; start again to read the table", d.Revision, user, last)
	}
	f.revisions[user] = d.Revision
	what := "no longer watched"
	if d.After != nil {
		what = d.After.Availability + "/" + d.After.Activity
	}
	_, err := fmt.Fprintf(f.out, "%s %s revision %d: %s (%s, %s)\n", d.Observed.At.Format(time.RFC3339), user, d.Revision, what, from, d.Reason)
	return err
}
