//go:build fuse && linux

package powercut_test

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"presenced/powercut/lossy"
	"presenced/trial"
)

// diskFaults are what docs/health.md calls a disk that takes no writes, by what the
// disk answers.
func diskFaults() []diskFault {
	return []diskFault{
		{"EIO for reads", lossy.Fault{Reads: syscall.EIO}},
		{"EIO for writes", lossy.Fault{Writes: syscall.EIO}},
		{"EIO for syncs", lossy.Fault{Syncs: syscall.EIO}},
		{"EROFS", lossy.Fault{Writes: syscall.EROFS}},
		{"ENOSPC", lossy.Fault{Writes: syscall.ENOSPC}},
	}
}

type diskFault struct {
	name string
	lossy.Fault
}

func (f diskFault) errno() syscall.Errno { return cmp.Or(f.Reads, f.Writes, f.Syncs) }

// TestDiskThatFails breaks the disk under a daemon with its own server: not ready at
// once, with path and errno; the end with 74; and when the disk is well again, with
// or without what was not synced, the log has all that was acknowledged, and the
// next daemon goes on from there. The faults happen side by side: most is waiting.
func TestDiskThatFails(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	faults := diskFaults()
	scenes := make([]*embedded, len(faults))
	daemons := make([]*daemon, len(faults))
	broken := make([]time.Time, len(faults))
	for i, f := range faults {
		scenes[i] = newEmbedded(t, lossy.InOrder, "")
		daemons[i] = scenes[i].start()
		daemons[i].await("sweeps", func() bool { return daemons[i].swept.Load() >= 2 })
		broken[i] = time.Now()
		scenes[i].machine.disk.Break(f.Fault)
		daemons[i].awaitStore(scenes[i].machine.dir, f.errno())
		took := time.Since(broken[i])
		t.Logf("%s: not ready after %v", f.name, took.Round(time.Millisecond))
		if took > 5*time.Second {
			t.Errorf("%s: not ready only after %v, want it at the next check, in a second", f.name, took)
		}
	}
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			e, d := scenes[i], daemons[i]
			e.t, d.t = t, t
			d.awaitEndByItself(e.machine.dir, f.errno())
			e.bury(d)
			forgotten := e.machine.replace(t, luck(rng))
			e.account.read(t, "after the fault", d, readDisk(t, e.machine.disk))
			e.machine.power(t)
			r := e.finish(e.start())
			t.Logf("%d acknowledged events, %d lost, %d pages forgotten; %d events in the log, %d duplicates, %d missing",
				e.account.acked(), e.account.lost(), forgotten.Pages, len(e.account.log), r.Duplicates, r.Missing)
		})
	}
}

// TestDiskThatFailsForAMoment gives a fault and takes it away before the daemon is
// out of patience. It goes on, or ends with 74 because a stream of the server met
// the fault and has stopped: what it does not do is stay as it is.
func TestDiskThatFailsForAMoment(t *testing.T) {
	t.Parallel()
	rng := dice(t)
	for _, f := range diskFaults() {
		t.Run(f.name, func(t *testing.T) {
			e := newEmbedded(t, lossy.InOrder, "")
			d := e.start()
			d.await("sweeps", func() bool { return d.swept.Load() >= 2 })
			e.machine.disk.Break(f.Fault)
			d.awaitStore(e.machine.dir, f.errno())
			<-time.After(trial.Between(rng, 0, 3*time.Second))
			e.machine.disk.Break(lossy.Fault{})
			swept, acked := d.swept.Load(), d.acked.Load()
			if d.awaitOrEnd("sweeps", func() bool { return d.swept.Load() >= swept+3 && d.acked.Load() > acked }) {
				d.Process.Process.Kill()
				<-d.Ended
			} else {
				d.awaitEndByItself(e.machine.dir, 0)
			}
			t.Logf("it ended with %v", d.ProcessState)
			e.bury(d)
			e.machine.replace(t, luck(rng))
			e.account.read(t, "after the fault", d, readDisk(t, e.machine.disk))
			e.machine.power(t)
			e.finish(e.start())
		})
	}
}

// TestStartOnADiskThatFails is a start with each of the faults: 74, path and errno.
func TestStartOnADiskThatFails(t *testing.T) {
	t.Parallel()
	for _, f := range diskFaults() {
		t.Run(f.name, func(t *testing.T) {
			e := newEmbedded(t, lossy.InOrder, "")
			d := e.start()
			d.awaitAcked(1)
			d.stop()
			e.machine.disk.Break(f.Fault)
			again := e.start()
			again.awaitEndByItself(e.machine.dir, f.errno())
		})
	}
}

// awaitStore blocks until the daemon is not ready because of its store.
func (d *daemon) awaitStore(dir string, errno syscall.Errno) {
	d.t.Helper()
	d.await("it is not ready because of the store, with path and "+errno.Error(), func() bool {
		status, text := d.ready()
		_, store, _ := strings.Cut(text, "[-]store: ")
		store, _, _ = strings.Cut(store, "\n")
		return status == http.StatusServiceUnavailable && strings.Contains(store, dir) && strings.Contains(store, errno.Error())
	})
}

// ready is what /readyz says; 0 if it is not there yet, or any more.
func (d *daemon) ready() (status int, text string) {
	runs, ok := d.journal.Said("presenced runs")
	if !ok {
		return 0, ""
	}
	return trial.Ask(d.t.Context(), "http://"+runs.HTTP+"/readyz?verbose")
}

// awaitEndByItself blocks until the daemon has ended, which has to be with 74 and
// with path and errno (0: any) in its last words.
func (d *daemon) awaitEndByItself(dir string, errno syscall.Errno) {
	d.t.Helper()
	select {
	case <-d.Ended:
	case <-time.After(patience):
		d.t.Fatalf("it still runs after %v: log complains %q", patience, d.journal.Complaints())
	}
	said := d.journal.Complaints()
	if code := d.ProcessState.ExitCode(); code != 74 || len(said) == 0 {
		d.t.Fatalf("it ended with %v, want 74: log complains %q", d.ProcessState, said)
	}
	last := d.journal.LastWords()
	if !strings.HasPrefix(last, "presenced: ") || !strings.Contains(last, dir) || errno != 0 && !strings.Contains(last, errno.Error()) {
		d.t.Errorf("its last words are %q, want path and errno (%v)", last, errno)
	}
}

// replace is the disk after its fault, and after the process on it has ended: well
// again, without what was not synced, or with some of it.
func (m *machine) replace(t *testing.T, luck *rand.Rand) lossy.Forgotten {
	t.Helper()
	disk, forgotten := m.disk.Cut(luck)
	m.disk = disk
	m.unmount(t)
	return forgotten
}
