//go:build fuse && linux

package powercut_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"presenced/powercut/lossy"
)

// TestWithoutSyncAcknowledgedEventsAreLost is why the other tests prove something:
// the same cuts, when nobody asks the disk to keep anything.
func TestWithoutSyncAcknowledgedEventsAreLost(t *testing.T) {
	t.Parallel()
	t.Run("embedded, durability relaxed", func(t *testing.T) {
		t.Parallel()
		lostByOneCut(t, newEmbedded(t, lossy.InOrder, "embedded: {durability: relaxed}"))
	})
	t.Run("cluster, default sync_interval", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, 3, "")
		d := newTenant(t, c.configuration()).run(t)
		d.awaitAcked(100)
		acked := int(d.acked.Load())
		for _, n := range c.nodes {
			n.disk.Off()
		}
		d.kill()
		var left int64
		for _, n := range c.nodes {
			n.cut(t, nil)
			n.power(t)
			left = max(left, sizeOf(t, n.dir))
		}
		t.Logf("%d events acknowledged before the cut, at most %d bytes on any disk after it", acked, left)
		if left > int64(acked)*leastEvent {
			t.Error(suspicious)
		}
	})
}

// TestOnlyJournalingFileSystemsKeepAcknowledgedEvents is what the other tests take
// for granted: a sync of a file keeps its name too. nats-server does not sync the
// directories of its block files, so on a file system that promises no more than
// POSIX does they would be gone.
func TestOnlyJournalingFileSystemsKeepAcknowledgedEvents(t *testing.T) {
	t.Parallel()
	lostByOneCut(t, newEmbedded(t, lossy.Strict, ""))
}

// lostByOneCut makes one cut in which nothing survives that was not synced.
func lostByOneCut(t *testing.T, e *embedded) {
	t.Helper()
	d := e.start()
	d.awaitAcked(100)
	e.machine.cut(t, nil)
	d.close()
	wantLoss(t, int(d.acked.Load()), len(readDisk(t, e.machine.disk)))
}

func wantLoss(t *testing.T, acked, left int) {
	t.Helper()
	t.Logf("%d events acknowledged before the cut, %d in the log after it", acked, left)
	if left >= acked {
		t.Error(suspicious)
	}
}

const suspicious = "nothing was lost: either it is safe by now, and the documentation can promise more, or these cuts cut nothing"

// leastEvent is fewer bytes than any event takes.
const leastEvent = 300

// sizeOf is the size of all files below dir.
func sizeOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return sum
}
