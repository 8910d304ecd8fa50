// Package chaos is the proof by force: its tests run the real program against the
// simulated tenant, kill it by SIGKILL at random moments, and hold the log that is
// left against what the simulator served. It has no code but tests.
//
//	go test ./chaos/                                     8 kills, less than a minute
//	go test ./chaos/ -run 'TestKill$' -v -chaos.kills=50
//	go test ./chaos/ -run 'TestKill$' -v -chaos.seed=7   the moments of that seed again
//
// Follow one kill: daemon_test.go runs the program, moment_test.go says when it
// dies, account_test.go notes what it had been served until then, story_test.go
// reads what it wrote, and package audit compares the two.
package chaos
