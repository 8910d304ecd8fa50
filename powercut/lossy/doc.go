// Package lossy is a disk that keeps what was synced to it and forgets the rest
// when its power is cut. Real kernels write back after half a minute whatever
// nobody asked them to, so that a forgotten fsync goes unnoticed in every test;
// here it does not.
//
// A [Disk] is in memory and knows nothing of the kernel; built with the tag fuse
// it can be mounted. A cut gives the disk as it is when the power comes back.
//
// # What a cut leaves of a file
//
// Content and size as of its last fsync (an O_SYNC write is its own fsync): bytes
// written later, and truncations, are undone. A file that was never synced is
// empty.
//
// # What a cut leaves of directories
//
// With [InOrder] what a journaling file system (ext4, XFS) leaves: create, mkdir,
// rename and unlink happen in order, each whole, and an fsync of any file or
// directory makes all the earlier ones durable. With [Strict] what POSIX promises
// and no more: an entry is durable once its directory itself was synced; a rename
// across two directories may be seen in one and not in the other.
//
// # What a torn cut leaves
//
// A real disk may have kept some of what it was not asked to keep. Given a source
// of randomness, of each file nothing, the first or any of the unsynced pages of
// 4 KiB survive, also beyond others that do not (those read as zeros, as a hole
// does), a truncation may survive without what was written after it, and with
// InOrder so do the first of the unsynced changes of directories.
//
// # What a disk answers that is not well
//
// With a [Fault] reads, writes and syncs fail, each by itself or together, or take
// long; [Disk.Break] gives it to a disk that is in use, and takes it away. What a
// sync was refused for stays, and the next one that succeeds makes it durable. There
// are kernels that drop it instead: a cut after the fault leaves what they leave.
//
// # What it does not model
//
// Pages that are torn themselves, sectors that lie about a sync, content of other
// files showing up, bits that flip; nor permissions, hard and symbolic links, and
// how much room there is: statfs says that there is much, also of a full disk.
package lossy
