// Package network is a network in memory, with the faults of a real one: bytes
// take their time, connections stall, break at any byte, or fall silent. What is
// written at one instant arrives at one instant, however it was cut into writes,
// so that a run in fake time does not depend on how goroutines are scheduled.
package network
