package main

import _ "embed"

// known is the Go that the edits were written for.
const known = "go1.26.8"

// added are new files, by their path below Go's src.
var added = map[string]string{"runtime/steady.go": runtimeFile, "context/steady.go": contextFile}

//go:embed runtime.go.txt
var runtimeFile string

//go:embed context.go.txt
var contextFile string

// edits take chance, real time and addresses out of what a bubble's goroutines do.
var edits = []edit{
	// Each bubble has dice of its own, which begin with the same throw: what came
	// before it in the process does not matter.
	{"runtime/synctest.go", "\tid      uint64 // unique id\n", "\tid      uint64 // unique id\n\tdice    uint64\n"},
	{"runtime/synctest.go", "\tgp.bubble = bubble\n\tdefer func() {\n",
		"\tgp.bubble = bubble\n\tsteadyBubbles.Add(1)\n\tdefer func() {\n\t\tsteadyBubbles.Add(-1)\n"},
	{"runtime/select.go", "j := cheaprandn(uint32(norder + 1))", "j := steadyrandn(uint32(norder + 1))"},
	{"runtime/time.go", "t.rand = cheaprand()", "t.rand = uint32(steadyrand())"},

	// Maps and math/rand. Outside of bubbles, too: the state of a thread's own dice
	// depends on how many threads there were before.
	{"runtime/rand.go", "\tmp := getg().m\n\tc := &mp.chacha8\n\tfor {\n",
		"\tif steadyOn {\n\t\treturn steadyrand()\n\t}\n\tmp := getg().m\n\tc := &mp.chacha8\n\tfor {\n"},
	{"runtime/rand.go", "\tmp.cheaprand = rand()\n", "\tmp.cheaprand = bootstrapRand()\n"},

	// The key of the hash of maps, which is drawn when the process starts.
	{"runtime/rand.go", "\tglobalRand.state.Init(*seed)\n", "\tglobalRand.state.Init([32]byte{})\n"},

	// crypto/rand: names of connections and consumers, which nats.go draws.
	{"crypto/internal/sysrand/rand.go", "var testingOnlyFailRead bool\n",
		"var testingOnlyFailRead bool\n\n//go:linkname steadyRead\nfunc steadyRead([]byte)\n"},
	{"crypto/internal/sysrand/rand.go", "\tif firstUse.CompareAndSwap(false, true) {\n",
		"\tif steadyRead(b); len(b) >= 0 {\n\t\treturn\n\t}\n\tif firstUse.CompareAndSwap(false, true) {\n"},

	// The thread that takes the processor away from who has it for 10 ms of real time,
	// or from a system call that takes long. A process that waits for others, as the
	// one that starts the seeds', cannot do without.
	{"runtime/proc.go", "\tif haveSysmon {\n", "\tif haveSysmon && gogetenv(\"STEADY_APART\") == \"\" {\n"},
	// How often the global queue comes first depends on how often goroutines outside
	// of the bubble have run.
	{"runtime/proc.go", "if pp.schedtick%61 == 0 && !sched.runq.empty() {",
		"if pp.schedtick%61 == 0 && steadyBubbles.Load() == 0 && !sched.runq.empty() {"},
	// A mutex is handed on in another way once somebody has waited for it for a
	// millisecond of real time.
	{"runtime/sema.go", "func internal_sync_nanotime() int64 {\n",
		"func internal_sync_nanotime() int64 {\n\tif b := getg().bubble; b != nil {\n\t\treturn b.now\n\t}\n"},

	// A select queues on its channels, and starts their timers, in the order of their
	// addresses: here in the order in which they were made.
	{"runtime/chan.go", "\tbubble   *synctestBubble\n", "\tbubble   *synctestBubble\n\tserial   uint64\n"},
	{"runtime/chan.go", "\tc.elemsize = uint16(elem.Size_)\n", "\tc.elemsize = uint16(elem.Size_)\n\tc.serial = steadyChannels.Add(1)\n"},
	{"runtime/select.go", "\treturn uintptr(unsafe.Pointer(c))\n", "\treturn uintptr(c.serial)\n"},
	// A context cancels its children in the order of a map by their addresses: here
	// in the order in which they were born.
	{"context/context.go", "children map[canceler]struct{}", "children map[canceler]uint64"},
	{"context/context.go", "make(map[canceler]struct{})", "make(map[canceler]uint64)"},
	{"context/context.go", "p.children[child] = struct{}{}", "p.children[child] = steadyBirths.Add(1)"},
	{"context/context.go", "for child := range c.children {", "for _, child := range steadyOrder(c.children) {"},
}
