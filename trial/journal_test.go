package trial_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presenced/trial"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	var j trial.Journal
	// Pipes cut where they like.
	for _, part := range []string{
		`{"level":"info","msg":"presenced runs","ht`, `tp":"127.0.0.1:1"}` + "\n" + `{"level":"info","msg":"owning the tenant","tenant":"red","epoch":1}` + "\n",
		`{"level":"info","msg":"owning the tenant","tenant":"blue","epoch":7}` + "\n",
		`{"level":"error","msg":"the store takes no writes","error":"write /x"}` + "\n", `panic: oh` + "\n", `{"level":"error","msg":"cut sh`,
	} {
		fmt.Fprint(&j, part)
	}
	if l, ok := j.Said("presenced runs"); !ok || l.HTTP != "127.0.0.1:1" || l.At.IsZero() {
		t.Errorf("the first line is %+v, %v", l, ok)
	}
	if l, ok := j.SaidOf("blue", "owning the tenant"); !ok || l.Epoch != 7 {
		t.Errorf("of blue: %+v, %v, want epoch 7", l, ok)
	}
	if l, ok := j.Said("cut sh"); ok {
		t.Errorf("a line without an end was said: %+v", l)
	}
	var said []string
	for _, l := range j.Complaints() {
		said = append(said, l.String())
	}
	want := []string{`{"level":"error","msg":"the store takes no writes","error":"write /x"}`, "panic: oh"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
	if got := j.LastWords(); got != "panic: oh" {
		t.Errorf("last words %q", got)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := trial.Metrics("# HELP a b\nup{tenant=\"x\"} 2\nup{tenant=\"y\"} 3.5\nupper 1\nbroken{} \nlast 7")
	for prefix, want := range map[string]float64{"up{": 5.5, `up{tenant="x"`: 2, "none": 0, "broken": 0} {
		if got := m.Sum(prefix); got != want {
			t.Errorf("Sum(%q) = %v, want %v", prefix, got, want)
		}
	}
	if up, upper, last := m.Value("up"), m.Value("upper"), m.Value("last"); up != 0 || upper != 1 || last != 7 {
		t.Errorf("values %v, %v, %v, want 0, 1, 7", up, upper, last)
	}
}
