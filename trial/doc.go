// Package trial is what the tests have in common that put the real program on trial:
// chaos, chaos/replicas, powercut and soak. They differ in what they do to it. How
// it is built, configured, started and listened to, how it is told what it was
// served, and how its log is read, is the same for all, and is here.
//
// Follow one trial: [Build] makes the program, [Configuration] says whom it watches,
// [Start] runs it, [Journal] and [Metrics] are what it says of itself, [Account] is
// what it was served, [ReadLog] and [AwaitTable] are what it wrote; package audit
// holds one against the other.
//
// Tests import it and nothing else does: the linter sees to that.
package trial
