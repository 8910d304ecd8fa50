// Package soak lets the real program live: its test runs it for as long as it is
// told against a simulated tenant in which everybody changes all the time, takes
// NATS and Graph away again and again, and looks whether what the process holds
// stays flat and the log tells all. It has no code but tests.
//
//	go test ./soak/                          10 seconds
//	go test ./soak/ -v -soak.for=1h          as long as you like
package soak
