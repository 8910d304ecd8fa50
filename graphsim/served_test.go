package graphsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/graphsim"
)

func TestServedIsWhatWasShown(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 2, Frozen: true, Now: clock.Now})
	me, other := r.sim.UserIDs()[0], r.sim.UserIDs()[1]
	second := func(n int) time.Time { return newClock().Now().Add(time.Duration(n) * time.Second) }
	set := func(availability, activity string) {
		t.Helper()
		if err := r.sim.SetPresence(me, availability, activity); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(ids ...string) {
		t.Helper()
		r.bulk(ids...).want(t, http.StatusOK)
		clock.advance(time.Second)
	}
	set("Busy", "InACall")
	ask(me)             // at 0
	ask(upper(me))      // at 1: the same user
	set("Away", "Away") // at 2
	ask(other)          // at 2: nothing about me
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindTruncated, Count: 1})
	ask(me)                                                     // at 3: spoiled
	r.get("/v1.0/users/"+me+"/presence").want(t, http.StatusOK) // at 4
	clock.advance(time.Second)
	set("Busy", "Busy") // at 5, unseen
	set("Away", "Away")
	ask(me) // at 5
	set("Busy", "InACall")
	ask(me) // at 6

	want := []graphsim.Run{
		{Availability: "Busy", Activity: "InACall", Since: second(0), First: second(0), Last: second(1), Times: 2},
		{Availability: "Away", Activity: "Away", Since: second(2), First: second(4), Last: second(5), Times: 2},
		{Availability: "Busy", Activity: "InACall", Since: second(6), First: second(6), Last: second(6), Times: 1},
	}
	if diff := cmp.Diff(want, r.sim.Served()[me]); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	r.sim.Served()[me][0].Times = 99
	if r.sim.Served()[me][0].Times == 99 {
		t.Error("the caller can change the record")
	}
}

func TestServedUsesTheWordsOfTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1, Frozen: true, Modes: graphsim.Modes{CamelCase: true, NullUnknown: true, UpperIDs: true}})
	me := r.sim.UserIDs()[0]
	if err := r.sim.SetPresence(me, "Busy", "InAMeeting"); err != nil {
		t.Fatal(err)
	}
	r.bulk(me, nobody).want(t, http.StatusOK)
	served := r.sim.Served()
	if run := served[me][0]; run.Availability != "busy" || run.Activity != "inAMeeting" {
		t.Errorf("known = %+v", run)
	}
	if run := served[nobody][0]; run.Availability != "" || run.Activity != "" || !run.Since.IsZero() {
		t.Errorf("null = %+v", run)
	}
}
