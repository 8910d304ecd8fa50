package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"presenced/board"
	"presenced/natsembed"
)

// disk is a store's disk, as a check finds it.
type disk struct {
	err   atomic.Pointer[error] // nil: it takes writes
	slow  atomic.Int64          // how long a check takes
	watch *storeWatch
	ended chan error
}

func (d *disk) check() error {
	<-time.After(time.Duration(d.slow.Load()))
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (d *disk) say(err error) { d.err.Store(&err) }

// watched runs fn in fake time on a store that is watched.
func watched(t *testing.T, fn func(t *testing.T, d *disk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{ended: make(chan error, 1)}
		d.watch = &storeWatch{check: d.check, metrics: board.NewMetrics(prometheus.NewRegistry(), board.Build{}), log: zap.NewNop()}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { d.ended <- d.watch.run(ctx) }()
		fn(t, d)
		cancel()
		if err := <-d.ended; err != nil {
			t.Errorf("run = %v after its context ended, want nil", err)
		}
	})
}

func TestStoreThatTakesNoWritesEndsTheProcess(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, d *disk) {
		<-time.After(time.Hour)
		if err := d.watch.state(time.Now()); err != nil {
			t.Errorf("state of a store that is well = %v", err)
		}
		full := fmt.Errorf("write to store /data: %w", syscall.ENOSPC)
		d.say(full)
		began := time.Now()
		<-time.After(2 * time.Second)
		if err := d.watch.state(time.Now()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("state 2 s later = %v, want %v", err, full)
		}
		err := <-d.ended
		if took := time.Since(began); took < storePatience || took > storePatience+2*storeEvery {
			t.Errorf("ended after %s, want %s", took, storePatience)
		}
		if code := exitCode(err); code != exitIO || !strings.Contains(err.Error(), "/data: no space left on device") {
			t.Errorf("ended with %d: %v, want %d, path and errno", code, err, exitIO)
		}
		d.ended <- nil
	})
}

func TestStoreThatRecoversIsKept(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, d *disk) {
		for range 5 {
			d.say(syscall.ENOSPC)
			<-time.After(storePatience / 2)
			d.say(nil)
			<-time.After(storePatience / 2)
			if err := d.watch.state(time.Now()); err != nil {
				t.Errorf("state after it came back = %v", err)
			}
		}
	})
}

func TestStoreThatIsGoneEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, d *disk) {
		<-time.After(time.Minute)
		d.say(natsembed.ErrStoreGone)
		began := time.Now()
		if err := <-d.ended; exitCode(err) != exitIO || time.Since(began) > 2*storeEvery {
			t.Errorf("ended after %s with %v, want %d at once", time.Since(began), err, exitIO)
		}
		d.ended <- nil
	})
}

func TestSlowStoreIsTold(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, d *disk) {
		d.slow.Store(int64(time.Minute))
		<-time.After(30 * time.Second)
		if err := d.watch.state(time.Now()); err == nil || !strings.Contains(err.Error(), "has taken 30s") {
			t.Errorf("state while a check hangs = %v, want for how long", err)
		}
		d.slow.Store(0)
		<-time.After(2 * time.Minute)
		if err := d.watch.state(time.Now()); err != nil {
			t.Errorf("state afterwards = %v", err)
		}
	})
}

func TestExitCodeOfADisk(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO, syscall.EROFS} {
		if code := exitCode(fmt.Errorf("create store /data: %w", errno)); code != exitIO {
			t.Errorf("%v: exit %d, want %d", errno, code, exitIO)
		}
	}
}
