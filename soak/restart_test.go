package soak_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

var users = flag.Int("soak.users", 2000, "how many users a restart is measured for")

// TestRestartOfMany is not parallel, because it measures: for how long nobody of
// many users is seen when their daemon is killed. The figures are what it prints.
func TestRestartOfMany(t *testing.T) {
	sim, err := graphsim.New(graphsim.Config{Users: *users, Frozen: true})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sim)
	t.Cleanup(web.Close)
	ids := sim.UserIDs()
	pin := func(ids []string, word string) {
		for _, id := range ids {
			if err := sim.SetPresence(id, word, word); err != nil {
				t.Fatal(err)
			}
		}
	}
	pin(ids, "Available")
	sweep := (*users + 32_499) / 32_500 // seconds that the limit makes it last
	config := configure(t, sim, web.URL, (time.Duration(sweep+sweep/4+1) * time.Second).String(), fmt.Sprintf("embedded: {store_dir: %q, listen: 127.0.0.1:0}", t.TempDir()))
	long := patience + time.Duration(*users/300)*time.Second
	count := func(d *daemon, kind string) int {
		return int(d.metric(fmt.Sprintf("presenced_events_total{kind=%q,tenant=\"soak\"}", kind)))
	}

	first := launch(t, "-c", config)
	first.awaitFor(long, "everybody was seen", func() bool { return count(first, "snapshot") == len(ids) })
	first.Kill(t, patience)
	changed := ids[:0:0]
	for i := 0; i < len(ids); i += 100 {
		changed = append(changed, ids[i])
	}
	pin(changed, "Busy") // nobody watches

	second := launch(t, "-c", config)
	owning := second.awaitFor(long, "it owns the tenant", func() bool { return strings.Contains(second.stderr.text(), "owning the tenant") })
	diff := second.awaitFor(long, "a change is in the log", func() bool { return count(second, "change") > 0 })
	all := second.awaitFor(long, "all changes are", func() bool { return count(second, "change") >= len(changed) })
	load := second.metric(`presenced_load_duration_seconds_sum{tenant="soak"}`)
	resident := second.metric("process_resident_memory_bytes")
	t.Logf("%d users, from exec after kill -9: owning the tenant after %v (of which load %.2f s), first change in the log after %v, all %d after %v; %.0f MiB resident",
		len(ids), owning.Round(time.Millisecond), load, diff.Round(time.Millisecond), len(changed), all.Round(time.Millisecond), resident/(1<<20))
	if snapshots, changes := count(second, "snapshot"), count(second, "change"); snapshots != 0 || changes != len(changed) {
		t.Errorf("after the restart %d snapshots and %d changes, want none and %d", snapshots, changes, len(changed))
	}
	second.stop()
}
