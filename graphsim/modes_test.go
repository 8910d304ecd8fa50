package graphsim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"presenced/graphsim"
)

// modeTest is one mode and what it does to answers about me, who is Busy/InAMeeting, and about nobody.
type modeTest struct {
	name  string
	modes graphsim.Modes
	check func(t *testing.T, r *rig, me string)
}

func runModeTests(t *testing.T, tests []modeTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, graphsim.Config{Users: 10, Frozen: true, Modes: test.modes})
			me := r.sim.UserIDs()[3]
			if err := r.sim.SetPresence(me, "Busy", "InAMeeting"); err != nil {
				t.Fatal(err)
			}
			test.check(t, r, me)
		})
	}
}

func TestModesOfTheList(t *testing.T) {
	t.Parallel()
	runModeTests(t, []modeTest{
		{"unknown ids are PresenceUnknown", graphsim.Modes{}, func(t *testing.T, r *rig, me string) {
			if got := byID(r.bulk(me, nobody).presences(t)); got[nobody].words() != "PresenceUnknown/PresenceUnknown" || len(got) != 2 {
				t.Errorf("= %v", got)
			}
		}},
		{"unknown ids are left out", graphsim.Modes{OmitUnknown: true}, func(t *testing.T, r *rig, me string) {
			if got := byID(r.bulk(me, nobody).presences(t)); len(got) != 1 || got[me].ID != me {
				t.Errorf("= %v", got)
			}
		}},
		{"unknown is null", graphsim.Modes{NullUnknown: true}, func(t *testing.T, r *rig, me string) {
			if got := byID(r.bulk(me, nobody).presences(t)); got[nobody].words() != "null" || got[me].words() != "Busy/InAMeeting" {
				t.Errorf("= %v", got)
			}
		}},
		{"duplicates once", graphsim.Modes{}, func(t *testing.T, r *rig, me string) {
			if got := r.bulk(me, strings.ToUpper(me)).presences(t); len(got) != 1 {
				t.Errorf("%d presences, want 1", len(got))
			}
		}},
		{"duplicates twice", graphsim.Modes{RepeatDuplicates: true}, func(t *testing.T, r *rig, me string) {
			if got := r.bulk(me, me).presences(t); len(got) != 2 {
				t.Errorf("%d presences, want 2", len(got))
			}
		}},
		{"upper-case ids", graphsim.Modes{UpperIDs: true}, func(t *testing.T, r *rig, me string) {
			if got := r.bulk(me).presences(t)[0]; got.ID != strings.ToUpper(me) {
				t.Errorf("id = %s", got.ID)
			}
		}},
		{"upper-case question", graphsim.Modes{}, func(t *testing.T, r *rig, me string) {
			if got := r.bulk(strings.ToUpper(me)).presences(t)[0]; got.ID != me || got.words() != "Busy/InAMeeting" {
				t.Errorf("= %v", got)
			}
		}},
		{"order kept", graphsim.Modes{KeepOrder: true}, func(t *testing.T, r *rig, _ string) {
			ids := r.sim.UserIDs()
			for i, p := range r.bulk(ids...).presences(t) {
				if p.ID != ids[i] {
					t.Errorf("presence %d is of %s, want %s", i, p.ID, ids[i])
				}
			}
		}},
	})
}

func TestModesOfTheEntry(t *testing.T) {
	t.Parallel()
	runModeTests(t, []modeTest{
		{"fields nobody knows", graphsim.Modes{ExtraFields: true}, func(t *testing.T, r *rig, me string) {
			if got := r.bulk(me).presences(t)[0]; got.raw["@odata.type"] != "#microsoft.graph.presence" || got.raw["presenceInsights"] == nil {
				t.Errorf("= %v", got.raw)
			}
		}},
		{"camelCase", graphsim.Modes{CamelCase: true}, func(t *testing.T, r *rig, me string) {
			if got := r.bulk(me).presences(t)[0]; got.words() != "busy/inAMeeting" {
				t.Errorf("= %s", got.words())
			}
		}},
		{"new words", graphsim.Modes{NovelValues: true}, func(t *testing.T, r *rig, me string) {
			if err := r.sim.SetPresence(me, "DoNotDisturb", "Presenting"); err != nil {
				t.Fatal(err)
			}
			if got := r.bulk(me).presences(t)[0]; got.words() != "DoNotDisturb/PresentingInSpace" {
				t.Errorf("= %s", got.words())
			}
		}},
		{"government cloud", graphsim.Modes{Government: true}, func(t *testing.T, r *rig, me string) {
			for key := range r.bulk(me).presences(t)[0].raw {
				if !slices.Contains([]string{"id", "availability", "activity", "statusMessage"}, key) {
					t.Errorf("has %s", key)
				}
			}
		}},
	})
}

func TestBulkPages(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 10, Frozen: true, Modes: graphsim.Modes{BulkPage: 4, KeepOrder: true}})
	ids := r.sim.UserIDs() // ten
	var seen []string
	got := r.bulk(ids...)
	for pages := 1; ; pages++ {
		for _, p := range got.want(t, http.StatusOK).presences(t) {
			seen = append(seen, p.ID)
		}
		next := got.text("@odata.nextLink")
		if next == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
		got = r.get(strings.TrimPrefix(next, r.url))
	}
	if !slices.Equal(seen, ids) {
		t.Errorf("pages have %v, want %v", seen, ids)
	}
	r.get(bulkPath+"?$skiptoken=nonsense").want(t, http.StatusBadRequest)
}
