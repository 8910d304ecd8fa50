package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime goes on while the machine sleeps, which Go's monotonic clock does not.
// An owner that slept through its deadline must know.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("CLOCK_BOOTTIME is not there: " + err.Error()) // every Linux since 2.6.39 has it
	}
	return time.Duration(ts.Nano())
}
