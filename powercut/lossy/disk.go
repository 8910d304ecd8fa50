package lossy

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Disk is one file system from the moment that its power came on to the moment
// that it is cut. It is safe for concurrent use.
type Disk struct {
	how Directories

	mu      sync.Mutex
	root    *inode
	journal journal
	numbers uint64 // given to inodes so far
	fault   Fault
	left    int           // changes until the power goes off by itself; 0: it does not
	isOff   bool          // nothing happens any more
	off     chan struct{} // closed when isOff
	dead    chan struct{} // closed once the cut is made: who waits for an answer gets an error
}

// New returns an empty disk.
func New(how Directories) *Disk {
	d := newDisk(how)
	d.root = newDirectory(d.number(), 0o755)
	return d
}

func newDisk(how Directories) *Disk {
	return &Disk{how: how, off: make(chan struct{}), dead: make(chan struct{})}
}

// Off takes the power away. From now on every operation blocks, as if the machine
// stood still, until Cut; then it fails with EIO.
func (d *Disk) Off() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turnOff()
}

// OffAfter lets n more writes, syncs and changes of directories happen, and then
// takes the power away. The channel is closed at that moment.
func (d *Disk) OffAfter(n int) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
	return d.off
}

func (d *Disk) turnOff() {
	if !d.isOff {
		d.isOff = true
		close(d.off)
	}
}

// Forgotten counts what a cut undid or may have undone.
type Forgotten struct {
	Pages   int // of 4 KiB, not synced
	Changes int // of directories, not synced
}

// Cut returns the disk as it is when the power is back: with rng nil only what was
// synced, otherwise that and some of the rest. The old disk stays dead.
func (d *Disk) Cut(rng *rand.Rand) (*Disk, Forgotten) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turnOff()
	f := Forgotten{Pages: d.root.unsynced(), Changes: len(d.journal)}
	if rng != nil && d.how == InOrder {
		for _, c := range d.journal[:rng.IntN(len(d.journal)+1)] {
			c.settle()
		}
	}
	select {
	case <-d.dead:
	default:
		close(d.dead)
	}
	return d.image(rng), f
}

// Copy is a second disk that holds what is synced on this one.
func (d *Disk) Copy() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image(nil)
}

func (d *Disk) image(rng *rand.Rand) *Disk {
	next := newDisk(d.how)
	next.root = d.root.left(rng, next.number)
	return next
}

// WriteBack makes everything durable, as a kernel does by itself when half a minute
// has passed.
func (d *Disk) WriteBack() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isOff {
		return
	}
	for _, c := range d.journal {
		c.settle()
	}
	d.journal = nil
	d.root.sync()
}

// do is one operation that changes nothing.
func (d *Disk) do(op func() syscall.Errno) syscall.Errno {
	d.mu.Lock()
	if d.isOff {
		d.mu.Unlock()
		<-d.dead
		return syscall.EIO
	}
	defer d.mu.Unlock()
	return op()
}

// change is one operation that changes something, or makes it durable.
func (d *Disk) change(op func() syscall.Errno) syscall.Errno {
	return d.do(func() syscall.Errno {
		err := op()
		if d.left > 0 {
			if d.left--; d.left == 0 {
				d.turnOff()
			}
		}
		return err
	})
}

func (d *Disk) number() uint64 {
	d.numbers++
	return d.numbers
}

// enter makes a change of directories, which is not yet durable.
func (d *Disk) enter(c change) syscall.Errno {
	if errno := d.fault.fails(false); errno != 0 {
		return errno
	}
	c.apply()
	for _, e := range c {
		e.dir.modified = time.Now()
	}
	d.journal = append(d.journal, c)
	return 0
}

func names(entries map[string]*inode) []string { return slices.Sorted(maps.Keys(entries)) }
