package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/presence"
)

// damage is one thing that happens to one file of a store that nobody has open.
type damage struct {
	file  string  // below the folder of streams
	place float64 // in the file, 0 to 1
	how   string  // flip, cut, remove
	index bool    // the index that the server keeps of a stream's blocks stays
}

func (d damage) String() string {
	return fmt.Sprintf("%s %s at %.2f, index %v", d.how, strings.ReplaceAll(d.file, "/", " "), d.place, d.index)
}

func (d damage) do(t *testing.T, store string) {
	t.Helper()
	path := filepath.Join(store, "jetstream", "$G", "streams", d.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := min(int(d.place*float64(len(text))), len(text)-1)
	switch d.how {
	case "flip":
		text[at] ^= 0x10
	case "cut":
		text = text[:at]
	}
	if d.how == "remove" {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, text, 0o600)
	}
	if err == nil && !d.index {
		err = os.RemoveAll(filepath.Join(filepath.Dir(path), "index.db"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// damages are the places of a store where a disk may spoil it.
func damages() []damage {
	var all []damage
	for _, index := range []bool{false, true} {
		for _, place := range []float64{0, 0.2, 0.4, 0.6, 0.8, 0.97} {
			all = append(all, damage{"PRESENCE/msgs/1.blk", place, "flip", index}, damage{"PRESENCE/msgs/1.blk", place, "cut", index})
		}
		all = append(all, damage{"PRESENCE/msgs/1.blk", 0, "remove", index}, damage{"KV_presence/msgs/1.blk", 0, "remove", index},
			damage{"KV_presence/msgs/1.blk", 0.5, "flip", index}, damage{"KV_presence/msgs/1.blk", 0.5, "cut", index})
	}
	for _, stream := range []string{"PRESENCE", "KV_presence"} {
		for _, how := range []string{"flip", "cut", "remove"} {
			all = append(all, damage{stream + "/msgs/index.db", 0.5, how, true}, damage{stream + "/meta.inf", 0.5, how, true}, damage{stream + "/meta.sum", 0.5, how, true})
		}
	}
	return all
}

// A damaged store: what was acknowledged is there, or somebody is told. Never
// silence, and never another event under an id that is taken.
func TestDamageIsNeverSilent(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 6)
	shortWindow(t, config)
	store := newStore(t)
	first, url := launchRun(t, nil, config, store)
	first.awaitReady(url)
	metric := func(name string) float64 { _, text := ask(url + "/metrics"); return sample(text, name) }
	for i, user := range sim.UserIDs()[:3] {
		beats := metric(`presenced_append_duration_seconds_count{tenant="demo"}`)
		first.await("a heartbeat", func() bool { return metric(`presenced_append_duration_seconds_count{tenant="demo"}`) > beats })
		if err := sim.SetPresence(user, "Busy", "InACall"); err != nil {
			t.Fatal(err)
		}
		first.await("the change", func() bool { return metric(`presenced_events_total{kind="change",tenant="demo"}`) == float64(i+1) })
	}
	acked := replay(t, natsOf(first))
	first.stop()
	for _, d := range damages() {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			copied := newStore(t)
			if err := os.CopyFS(copied, os.DirFS(store)); err != nil {
				t.Fatal(err)
			}
			d.do(t, copied)
			p, url := launchDamaged(t, config, copied)
			ready := func() bool {
				code, _ := ask(url + "/readyz")
				return code == 200 || p.over()
			}
			p.await("it is ready or ends", ready)
			if p.over() && p.said("store is damaged") > 0 { // who supervises it starts it again
				p, url = launchDamaged(t, config, copied)
				p.await("it is ready or ends", ready)
			}
			if p.over() {
				if code := p.cmd.ProcessState.ExitCode(); code == 0 {
					t.Errorf("ended with 0:\n%s", p.stderr.String())
				}
				return // it said why
			}
			now := replay(t, natsOf(p))
			alarmed := p.said(`"level":"error"`, "last-known state is damaged") > 0
			missing, retold := compareLogs(t, acked, now)
			if d.how == "flip" && d.index && missing == 1 {
				missing = 0 // see docs/adr/0012-exit-74.md: of an old event nobody is told
			}
			if missing == 0 && strings.Contains(d.file, "/meta.") && (alarmed || snapshots(now) > snapshots(acked)) {
				t.Errorf("nothing is lost, and it is said, or told anew:\n%s", p.stderr.String())
			}
			if missing > 0 && !alarmed {
				t.Errorf("%d of %d acknowledged events are gone, and nobody is told:\n%s", missing, len(acked), p.stderr.String())
			}
			if retold > 0 {
				t.Errorf("%d ids stand for other events than before:\n%s", retold, p.stderr.String())
			}
		})
	}
}

// A loss is dealt with once: the start after that believes what it loads.
func TestLossIsToldOnce(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 3)
	shortWindow(t, config)
	store := newStore(t)
	run := func() (alarms int) {
		p, url := launchRun(t, nil, config, store)
		p.awaitReady(url)
		p.stop()
		return p.said(`"level":"error"`, "last-known state is damaged")
	}
	before := run()
	damage{"PRESENCE/msgs/1.blk", 0.9, "cut", false}.do(t, store)
	if after, later := run(), run(); before != 0 || after != 1 || later != 0 {
		t.Errorf("%d alarms before the damage, %d after it and %d at the start after that, want one after it alone", before, after, later)
	}
	if err := os.WriteFile(filepath.Join(store, "presenced.mark"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, later := run(), run(); after != 1 || later != 0 {
		t.Errorf("%d alarms without a mark that can be read, and %d at the start after that, want one and none", after, later)
	}
}

// A table that is deleted under a daemon is made anew by the next one, which knows
// everybody's state all the same: nothing is told again.
func TestDeletedTableIsMadeAnew(t *testing.T) {
	t.Parallel()
	sim, config := tenant(t, 6)
	store := newStore(t)
	first, url := launchRun(t, nil, config, store)
	first.awaitReady(url)
	acked := replay(t, natsOf(first))
	if err := jetStream(t, natsOf(first)).DeleteStream(t.Context(), "KV_presence"); err != nil {
		t.Fatal(err)
	}
	if err := sim.SetPresence(sim.UserIDs()[0], "Busy", "InACall"); err != nil {
		t.Fatal(err)
	}
	first.await("the change", func() bool {
		_, text := ask(url + "/metrics")
		return sample(text, `presenced_events_total{kind="change",tenant="demo"}`) == 1
	})
	first.stop()

	second, url := launchRun(t, nil, config, store)
	second.awaitReady(url)
	js := jetStream(t, natsOf(second))
	second.await("the table", func() bool {
		table, err := js.Stream(t.Context(), "KV_presence")
		return err == nil && table.CachedInfo().State.Msgs == 6
	})
	now := replay(t, natsOf(second))
	wantKept(t, acked, now)
	if len(now) != len(acked)+1 || second.said(`"level":"error"`) > 0 {
		t.Errorf("%d events, want %d and one change more, and no alarm:\n%s", len(now), len(acked), second.stderr.String())
	}
}

// usedStore is a store that a daemon has worked with and left.
func usedStore(t *testing.T, config string) string {
	t.Helper()
	store := newStore(t)
	d, url := launchRun(t, nil, config, store)
	d.awaitReady(url)
	d.stop()
	return store
}

// The newest owner message, spoilt under an index that is whole, would be in the way
// of every new one. The process ends, and the next one is rid of it.
func TestSpoiltOwnerMessageEndsTheProcessOnce(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 3)
	shortWindow(t, config)
	store := usedStore(t, config)
	spoilOwner(t, store)
	second, _ := launchDamaged(t, config, store)
	second.await("its end", second.over)
	if code := second.cmd.ProcessState.ExitCode(); code != exitIO || second.said("store is damaged") == 0 {
		t.Errorf("ended with %d, want %d and that the store is damaged:\n%s", code, exitIO, second.stderr.String())
	}
	third, url := launchRun(t, nil, config, store)
	third.awaitReady(url)
	if third.said(`"level":"error"`, "last-known state is damaged") != 1 {
		t.Errorf("nobody is told that messages are lost:\n%s", third.stderr.String())
	}
	third.stop()
	fourth, url := launchRun(t, nil, config, store)
	fourth.awaitReady(url)
	if fourth.said(`"level":"error"`) > 0 {
		t.Errorf("something is wrong yet:\n%s", fourth.stderr.String())
	}
}

// shortWindow lets a tenant be asked for soon after a loss, for which all of the
// limit counts as used.
func shortWindow(t *testing.T, config string) {
	t.Helper()
	rewrite(t, config, func(text string) string {
		return strings.Replace(text, "schedules:", "rate: {requests: 40, per: 1s}\n    schedules:", 1)
	})
}

// spoilOwner flips a bit in the newest owner message.
func spoilOwner(t *testing.T, store string) {
	t.Helper()
	block := filepath.Join(store, "jetstream", "$G", "streams", "PRESENCE", "msgs", "1.blk")
	text, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	text[bytes.LastIndex(text, []byte("presenced.owner."))+180] ^= 0x10
	if err := os.WriteFile(block, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func launchDamaged(t *testing.T, config, store string) (*process, string) {
	t.Helper()
	s := launchScene(t, nil, config, "--store-dir", store)
	return s.process, s.url
}

// snapshots counts the events that tell a state anew because it was lost.
func snapshots(log map[uint64]string) (n int) {
	for _, m := range log {
		if strings.Contains(m, `"state_lost"`) {
			n++
		}
	}
	return n
}

// compareLogs counts the acknowledged events that are not in the log now, and the
// ids that stand for something else.
func compareLogs(t *testing.T, acked, now map[uint64]string) (missing, retold int) {
	t.Helper()
	old, found := make(map[string]string), make(map[string]bool)
	id := func(message string) string {
		_, payload, _ := strings.Cut(message, " ")
		e, err := presence.ParseEvent([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		return e.ID()
	}
	for _, m := range acked {
		old[id(m)] = m
	}
	for _, m := range now {
		found[m] = true
		if was, ok := old[id(m)]; ok && was != m {
			retold++
		}
	}
	for _, m := range acked {
		if !found[m] {
			missing++
		}
	}
	return missing, retold
}
