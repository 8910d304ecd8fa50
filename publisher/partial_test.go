package publisher_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// A log that lost its end can hold the first part of a batch alone. keep is such a
// part: what would be in the log of batch b,
// written by owner o, if it ended after k events.
func keep(t *testing.T, srv *natsembed.Server, log *publisher.Log, o presence.Owner, b presence.Batch, k int) (batch string) {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	o.Summary = b.Summary
	msgs := []*nats.Msg{nats.NewMsg(publisher.OwnerSubject(log, tenant))}
	msgs[0].Header.Set("Nats-Expected-Last-Subject-Sequence", fmt.Sprint(o.Sequence))
	msgs[0].Header.Set("Nats-Rollup", "sub")
	msgs[0].Data, err = json.Marshal(o)
	for _, e := range b.Events[:k] {
		m := nats.NewMsg(e.Subject("presence"))
		if err == nil {
			m.Data, err = json.Marshal(e)
		}
		msgs = append(msgs, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	batch = "half-stored"
	for i, m := range msgs {
		m.Header.Set("Nats-Batch-Id", batch)
		m.Header.Set("Nats-Batch-Sequence", fmt.Sprint(i+1))
		if i < len(msgs)-1 {
			if err := nc.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		r, err := nc.RequestMsg(m, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var ack struct{ Error any }
		if err := json.Unmarshal(r.Data, &ack); err != nil || ack.Error != nil {
			t.Fatalf("part of a batch: %s, %v", r.Data, err)
		}
	}
	return batch
}

// Whatever part of the last batch a dead owner left behind, the state adds up, and
// goes on adding up.
func TestLoadTakesPartOfABatch(t *testing.T) {
	t.Parallel()
	for k := range 4 {
		t.Run(fmt.Sprintf("%d of 3 events", k), func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			log := openLog(t, srv)
			c, _ := owned(t, log, "a")
			p := newPeople()
			u := []presence.UserID{userID(1), userID(2), userID(3)}
			mustAppend(t, c, p.become("Available", "Available", u...))
			mustAppend(t, c, p.leave(u[2]))
			last, err := c.Owner(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before := p.known()
			b := p.become("Busy", "Busy", u...) // two changes, and one who comes back
			last.N++
			keep(t, srv, log, last, b, k)
			want := before
			for _, e := range b.Events[:k] {
				want[e.User] = e.State()
			}
			for _, replica := range []string{"b", "c", "d"} { // each dies before it writes
				states, intact := load(t, log, replica)
				if diff := cmp.Diff(want, states); diff != "" || !intact {
					t.Errorf("%s: intact %t, states (-want +got):\n%s", replica, intact, diff)
				}
			}
		})
	}
}

// An owner that lives on finds the part that is stored and writes the rest, once.
func TestOwnerCompletesPartOfABatch(t *testing.T) {
	t.Parallel()
	for k := range 4 {
		t.Run(fmt.Sprintf("%d of 3 events", k), func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			log := openLog(t, srv)
			c, _ := owned(t, log, "a")
			p := newPeople()
			u := []presence.UserID{userID(1), userID(2), userID(3)}
			mustAppend(t, c, p.become("Available", "Available", u...))
			last, err := c.Owner(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b := p.become("Busy", "Busy", u...)
			last.N = publisher.Doubt(c, "half-stored", len(b.Events))
			keep(t, srv, log, last, b, k)
			mustAppend(t, c, b)
			mustAppend(t, c, p.become("Away", "Away", u[0]))

			var got []string
			for _, e := range read(t, log) {
				got = append(got, fmt.Sprintf("%s/%d", e.User[7:8], e.Revision))
			}
			if diff := cmp.Diff([]string{"1/1", "2/1", "3/1", "1/2", "2/2", "3/2", "1/3"}, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			states, intact := load(t, log, "b")
			if diff := cmp.Diff(p.known(), states); diff != "" || !intact {
				t.Errorf("intact %t, states (-want +got):\n%s", intact, diff)
			}
		})
	}
}
