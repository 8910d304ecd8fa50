//go:build fuse && linux

package powercut_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"presenced/audit"
	"presenced/powercut/lossy"
)

// TestPowerCutOfOneMachine is the promise of docs/guarantees.md under power cuts, for one
// machine that runs presenced with its own NATS server: whatever was acknowledged
// is in the log, once, in order, and the next daemon goes on from there.
func TestPowerCutOfOneMachine(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	e := newEmbedded(t, lossy.InOrder, "")
	var moments []moment
	for range times(25) {
		if len(moments) == 0 {
			moments = deck(rng)
		}
		e.cut(rng, moments[0])
		moments = moments[1:]
	}
	r := e.finish(e.start())

	a := &e.account
	t.Logf("%d cuts in %v, %d of them torn: %d acknowledged events, %d lost; %d events in the log, %d duplicates, %d missing, %d invented, %d broken revisions",
		len(a.Deaths), time.Since(e.began).Round(time.Second), e.torn, a.acked(), a.lost(), len(a.log), r.Duplicates, r.Missing, r.Invented, r.Broken)
	t.Logf("when the power went, %d pages and %d changes of directories were not synced", e.forgotten.Pages, e.forgotten.Changes)
	if a.acked() < 100*len(a.Deaths) || e.forgotten.Pages == 0 {
		t.Errorf("%d events were acknowledged and %d pages forgotten: that proves nothing", a.acked(), e.forgotten.Pages)
	}
}

// embedded is a machine on which presenced runs with its own server, again and
// again, and the account of that.
type embedded struct {
	t         *testing.T
	machine   *machine
	tenant    *tenant
	account   account
	began     time.Time
	torn      int // cuts that left some of what was not synced
	forgotten lossy.Forgotten
}

func newEmbedded(t *testing.T, how lossy.Directories, configuration string) *embedded {
	return &embedded{t: t, machine: newMachine(t, how), tenant: newTenant(t, configuration), began: time.Now()}
}

func (e *embedded) start() *daemon {
	d := e.tenant.run(e.t, "--store-dir", e.machine.dir+"/store", "--nats-listen", "127.0.0.1:0")
	e.machine.process = d.Process
	return d
}

// cut is one life of a daemon, until the moment, and what is left of it.
func (e *embedded) cut(rng *rand.Rand, at moment) {
	e.t.Helper()
	d := e.start()
	if rng.IntN(2) == 0 {
		e.machine.disk.WriteBack() // what the life before left unsynced, half a minute later
	}
	at.await(d, e.machine.disk)
	luck := luck(rng)
	f := e.machine.cut(e.t, luck)
	e.die(d)
	if luck != nil {
		e.torn++
	}
	e.forgotten.Pages += f.Pages
	e.forgotten.Changes += f.Changes
	e.account.read(e.t, "after a cut "+at.name, d, readDisk(e.t, e.machine.disk))
	e.machine.power(e.t)
}

// die takes in what a daemon was served that died of a cut.
func (e *embedded) die(d *daemon) {
	e.bury(d)
	e.wantNoComplaints(d)
}

// bury is die for a daemon that had reason to complain.
func (e *embedded) bury(d *daemon) {
	d.close()
	e.account.Die(e.tenant.Served())
}

// finish lets a daemon live for a few sweeps, on a disk that is well, and holds the
// whole log against the whole account.
func (e *embedded) finish(d *daemon) audit.Report {
	e.t.Helper()
	swept := d.swept.Load()
	d.await("sweeps", func() bool { return d.swept.Load() >= swept+3 })
	d.stop()
	e.account.Close(e.tenant.Served())
	e.wantNoComplaints(d)
	return e.account.read(e.t, "at the end", d, readDisk(e.t, e.machine.disk))
}

func (e *embedded) wantNoComplaints(d *daemon) {
	e.t.Helper()
	for _, line := range d.journal.Complaints() {
		e.t.Errorf("the daemon complains: %s", line)
	}
}
