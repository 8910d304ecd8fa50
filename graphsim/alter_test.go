package graphsim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"presenced/graphsim"
)

func TestFaultsThatChangeWhoIsInTheAnswer(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 10, Frozen: true, Modes: graphsim.Modes{KeepOrder: true}})
	ids := r.sim.UserIDs()[:4]
	stranger := r.sim.UserIDs()[9]
	for _, test := range []struct {
		name   string
		fault  graphsim.Fault
		got    []string // ids in the answer
		served []string
	}{
		{"missing half", graphsim.Fault{Kind: graphsim.KindMissing}, ids[2:], ids[2:]},
		{"missing one", graphsim.Fault{Kind: graphsim.KindMissing, IDs: []string{strings.ToUpper(ids[1])}}, []string{ids[0], ids[2], ids[3]}, []string{ids[0], ids[2], ids[3]}},
		{"extra", graphsim.Fault{Kind: graphsim.KindExtra, IDs: []string{stranger, ids[0]}}, append(slices.Clone(ids), stranger), ids},
		{"duplicate", graphsim.Fault{Kind: graphsim.KindDuplicate}, append(slices.Clone(ids), ids...), ids},
		{"conflict", graphsim.Fault{Kind: graphsim.KindConflict}, append(slices.Clone(ids), ids[0]), ids[1:]},
		{"id case", graphsim.Fault{Kind: graphsim.KindIDCase}, []string{upper(ids[0]), upper(ids[1]), upper(ids[2]), upper(ids[3])}, ids},
	} {
		test.fault.Count = 1
		before := r.sim.Served()
		inject(t, r.sim, test.fault)
		list := r.bulk(ids...).want(t, http.StatusOK).presences(t)
		var got []string
		for _, p := range list {
			got = append(got, p.ID)
		}
		if !slices.Equal(got, test.got) {
			t.Errorf("%s: answer has %v, want %v", test.name, got, test.got)
		}
		if test.name == "conflict" && list[0].words() == list[4].words() {
			t.Errorf("conflict: both say %s", list[0].words())
		}
		var served []string
		for _, id := range ids {
			if total(r.sim.Served()[id]) > total(before[id]) {
				served = append(served, id)
			}
		}
		if !slices.Equal(served, test.served) || len(r.sim.Served()[stranger]) > 0 {
			t.Errorf("%s: served = %v, want %v and never the stranger", test.name, served, test.served)
		}
	}
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindExtra})
	if got := r.bulk(ids...).presences(t); len(got) != 5 || slices.Contains(r.sim.UserIDs(), got[4].ID) {
		t.Errorf("extra without ids = %v, want one made-up id", got)
	}
}

func TestPoisonCanBeBisected(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 64})
	ids := r.sim.UserIDs()
	poison := ids[37]
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindPoison, IDs: []string{strings.ToUpper(poison)}})
	var search func([]string) []string
	search = func(ids []string) []string {
		if r.bulk(ids...).StatusCode == http.StatusOK {
			return nil
		}
		if len(ids) == 1 {
			return ids
		}
		return append(search(ids[:len(ids)/2]), search(ids[len(ids)/2:])...)
	}
	if got := search(ids); !slices.Equal(got, []string{poison}) {
		t.Errorf("bisecting found %v, want %s", got, poison)
	}
}
