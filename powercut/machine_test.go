//go:build fuse && linux

package powercut_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"presenced/powercut/lossy"
	"presenced/trial"
)

// machine is a disk, where it is mounted, and the process that runs on it.
type machine struct {
	disk    *lossy.Disk
	dir     string
	mount   *lossy.Mount   // nil: not mounted
	process *trial.Process // nil: none yet
}

func newMachine(t *testing.T, how lossy.Directories) *machine {
	t.Helper()
	return mounted(t, lossy.New(how))
}

func mounted(t *testing.T, disk *lossy.Disk) *machine {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "disk-")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{disk: disk, dir: dir}
	t.Cleanup(func() {
		if m.process != nil {
			m.process.Process.Kill()
		}
		m.disk.Cut(nil) // whatever waits for the disk gets an answer
		m.unmount(t)
		if m.process != nil {
			<-m.process.Ended
		}
		os.Remove(dir)
	})
	m.power(t)
	return m
}

// power mounts the disk; the caller starts the process.
func (m *machine) power(t *testing.T) {
	t.Helper()
	mount, err := m.disk.Mount(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	m.mount = mount
}

func (m *machine) unmount(t *testing.T) {
	t.Helper()
	if m.mount == nil {
		return
	}
	if err := m.mount.Close(); err != nil {
		t.Error(err)
	}
	m.mount = nil
}

// cut ends the process and the disk. The disk may be off already: then what the
// process heard of it until then is all it ever heard. With luck some of what was
// not synced survives.
func (m *machine) cut(t *testing.T, luck *rand.Rand) lossy.Forgotten {
	t.Helper()
	m.disk.Off()
	m.process.Process.Kill()
	disk, forgotten := m.disk.Cut(luck) // frees the process, which waits for an answer and dies of the signal
	<-m.process.Ended
	m.process.WantKilled(t)
	m.disk = disk
	m.unmount(t)
	return forgotten
}

// luck is a source of randomness for every other cut, on average.
func luck(rng *rand.Rand) *rand.Rand {
	if rng.IntN(2) == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(rng.Uint64(), 0))
}
