package graphsim_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

// look is one user's presence without times.
type look struct{ availability, activity, sequence string }

func looks(sim *graphsim.Server) map[string]look {
	all := map[string]look{}
	for _, id := range sim.UserIDs() {
		p, _ := sim.Presence(id)
		all[id] = look{p.Availability, p.Activity, p.Sequence}
	}
	return all
}

func TestPopulationIsAFunctionOfSeedAndTime(t *testing.T) {
	t.Parallel()
	at := func(seed uint64, moments ...time.Duration) map[string]look {
		clock := newClock()
		sim := newSim(t, graphsim.Config{Seed: seed, Users: 100, Speed: 60, Now: clock.Now})
		for _, moment := range moments {
			clock.advance(moment)
			looks(sim)
		}
		return looks(sim)
	}
	direct, often, other := at(1, 20*time.Minute), at(1, time.Minute, 12*time.Minute, 7*time.Minute), at(2, 20*time.Minute)
	for id, want := range direct {
		if often[id] != want {
			t.Errorf("%s = %v when looked at often, %v when looked at once", id, often[id], want)
		}
		if _, ok := other[id]; ok {
			t.Errorf("%s exists under two seeds", id)
		}
	}
}

// TestPace holds the demo to its promise: 250 people at 60 times the speed give 5 to 15 changes a second.
func TestPace(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		clock := newClock()
		sim := newSim(t, graphsim.Config{Seed: seed, Users: 250, Speed: 60, Now: clock.Now})
		const seconds = 7 * 60 // 09:30 to 16:30
		changes, states, last := 0, map[string]int{}, looks(sim)
		for range seconds {
			clock.advance(time.Second)
			now := looks(sim)
			for id, p := range now {
				if was := last[id]; was.availability != p.availability || was.activity != p.activity {
					changes++
				}
				states[p.availability+"/"+p.activity]++
			}
			last = now
		}
		if pace := float64(changes) / seconds; pace < 5 || pace > 15 {
			t.Errorf("seed %d: %.1f changes a second, want 5 to 15", seed, pace)
		}
		for _, want := range []string{"Available/Available", "Available/AvailableInactive", "Away/Away", "BeRightBack/BeRightBack",
			"Busy/Busy", "Busy/InACall", "Busy/InAConferenceCall", "Busy/InAMeeting", "DoNotDisturb/DoNotDisturb", "DoNotDisturb/Focusing",
			"DoNotDisturb/Presenting", "Offline/Offline", "PresenceUnknown/PresenceUnknown"} {
			if states[want] == 0 {
				t.Errorf("seed %d: nobody was ever %s", seed, want)
			}
		}
	}
}

// TestLives follows 60 people for two simulated weeks and checks what must hold for each change.
func TestLives(t *testing.T) {
	t.Parallel()
	clock := newClock()
	const speed = 60
	sim := newSim(t, graphsim.Config{Seed: 3, Users: 60, Speed: speed, Now: clock.Now})
	const step = time.Second // a simulated minute
	type sight struct {
		graphsim.Presence
		at time.Time
	}
	last := map[string]sight{}
	leave := 0
	for range 14 * 24 * 60 {
		now := clock.Now()
		for _, id := range sim.UserIDs() {
			p, _ := sim.Presence(id)
			was, seen := last[id]
			if p.OutOfOffice {
				leave++
			}
			if p.Since.After(now.Add(time.Millisecond)) {
				t.Fatalf("%s: %v began at %v, which is after %v", id, p, p.Since, now)
			}
			same := was.Availability == p.Availability && was.Activity == p.Activity
			switch {
			case !seen:
			case was.Sequence == p.Sequence && (!same || !was.Since.Equal(p.Since)):
				t.Fatalf("%s: %v and %v have one sequence number", id, was.Presence, p)
			case was.Sequence != p.Sequence && (p.Sequence < was.Sequence || p.Since.Before(was.at.Add(-time.Millisecond))):
				t.Fatalf("%s: %v seen at %v, then %v at %v", id, was.Presence, was.at, p, now)
			}
			last[id] = sight{p, now}
		}
		clock.advance(step)
	}
	if share := float64(leave) / (60 * 14 * 24 * 60); share < 0.02 || share > 0.15 {
		t.Errorf("%.0f%% of the time was leave", share*100)
	}
}

func TestIdleFadesInTwoSteps(t *testing.T) {
	t.Parallel()
	clock := newClock()
	sim := newSim(t, graphsim.Config{Seed: 3, Users: 40, Now: clock.Now}) // real time
	faded := 0
	type sight struct {
		words string
		since time.Time
	}
	last := map[string]sight{}
	for range 8 * 60 * 6 {
		clock.advance(10 * time.Second)
		for _, id := range sim.UserIDs() {
			p, _ := sim.Presence(id)
			words := p.Availability + "/" + p.Activity
			was := last[id]
			if was.words == "Available/AvailableInactive" && words == "Away/Away" {
				faded++
				if lasted := p.Since.Sub(was.since).Round(time.Second); lasted > 5*time.Minute {
					t.Errorf("%s was inactive for %v before Away, want 5m at most", id, lasted)
				}
			}
			last[id] = sight{words, p.Since}
		}
	}
	if faded == 0 {
		t.Error("nobody ever faded to Away")
	}
}

func TestSetPresence(t *testing.T) {
	t.Parallel()
	clock := newClock()
	sim := newSim(t, graphsim.Config{Seed: 1, Users: 5, Speed: 600, Now: clock.Now})
	id := sim.UserIDs()[2]
	model := newSim(t, graphsim.Config{Seed: 1, Users: 5, Speed: 600, Now: clock.Now})
	var sequences []string
	set := func(availability, activity string) graphsim.Presence {
		t.Helper()
		if err := sim.SetPresence(id, availability, activity); err != nil {
			t.Fatal(err)
		}
		p, _ := sim.Presence(id)
		sequences = append(sequences, p.Sequence)
		return p
	}
	began := clock.Now()
	if p := set("Busy", "InATest"); p.Activity != "InATest" || !p.Since.Equal(began) {
		t.Errorf("= %+v, want it since now", p)
	}
	clock.advance(time.Minute) // ten hours
	if p := set("Busy", "InATest"); !p.Since.Equal(began) || sequences[1] != sequences[0] {
		t.Errorf("setting the same again = %+v, want no change", p)
	}
	set("Away", "Away")
	for range 20 {
		set("Busy", "Busy")
		set("Away", "Away")
	}
	back := set("", "")
	if want, _ := model.Presence(id); back.Availability != want.Availability || back.Activity != want.Activity || !back.Since.Equal(clock.Now()) {
		t.Errorf("back in the model = %+v, want %+v since now", back, want)
	}
	set("Busy", "Again")
	set("", "")
	for i := 2; i < len(sequences); i++ {
		if sequences[i] <= sequences[i-1] {
			t.Errorf("sequence %d = %s after %s", i, sequences[i], sequences[i-1])
		}
	}
	set("", "") // nothing to lift
	for name, err := range map[string]error{
		"unknown user":  sim.SetPresence(nobody, "Busy", "Busy"),
		"one word":      sim.SetPresence(id, "Busy", ""),
		"remove nobody": sim.RemoveUser(nobody),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	sim := newSim(t, graphsim.Config{Users: 1000})
	names := map[string]bool{}
	guests := 0
	for _, u := range sim.Users("") {
		if names[u.ID] || names[u.UserPrincipalName] {
			t.Errorf("%+v: id or name is taken", u)
		}
		names[u.ID], names[u.UserPrincipalName] = true, true
		if u.Guest != strings.Contains(u.UserPrincipalName, "#EXT#") {
			t.Errorf("%+v: guests have #EXT# in their name, others have not", u)
		}
		if u.Guest {
			guests++
		}
	}
	if guests == 0 || guests > 50 {
		t.Errorf("%d guests of 1000", guests)
	}
	if sim.GroupID(sim.Tenants()[0].ID, "Sales") == sim.GroupID(sim.Tenants()[0].ID, "Support") {
		t.Error("two groups have one id")
	}
	if ids := sim.UserIDs(); !slices.Equal(ids, newSim(t, graphsim.Config{Users: 1000}).UserIDs()) {
		t.Error("ids do not follow the seed")
	}
}
