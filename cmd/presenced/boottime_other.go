//go:build !linux

package main

import "time"

var started = time.Now()

// bootTime on other systems stands still while the machine sleeps, unless the
// wall clock shows that it did.
func bootTime() time.Duration {
	return max(time.Since(started), time.Now().Round(0).Sub(started.Round(0))) + time.Second
}
