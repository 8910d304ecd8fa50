// Package powercut is the proof that what was acknowledged outlives a power cut.
// Its tests run the real program and real nats-servers on disks that forget every
// write that was not synced (package lossy), take the power away at random moments,
// and hold the log that is left against what was acknowledged and against what the
// simulated tenant served. They do the same with disks that fail or are slow. It has
// no code but tests, and those need FUSE:
//
//	make powercut                    a few cuts and faults, four minutes
//	make powercut CUTS=25            25 of each kind
//	make powercut CUTS=25 SEED=7     the moments of that seed again
//
// A cut is: the disk stands still between two of its operations; the processes on
// it are killed by SIGKILL; the disk comes back without what was not synced, every
// other time with some of it; the processes start on that.
//
// Follow one: machine_test.go has the disk, daemon_test.go the program and what was
// acknowledged to it, moment_test.go says when the power goes, story_test.go reads
// what is left, account_test.go says what was served. fault_test.go breaks the disk
// in place of cutting its power, and slow_test.go slows it down.
package powercut
