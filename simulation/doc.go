// Package simulation runs the real worker, graphclient and publisher, one to three
// replicas of them, against a simulated Graph and a model of NATS, in fake time,
// with everything that can go wrong going wrong, and then holds the whole log
// against what was served. A run is drawn from its seed, plan by plan.
//
// Follow one run: [Draw] makes the plan, world.go carries it out, process.go is
// one presenced, graph.go the way to Graph and the record of what it served, and
// judge.go reads the log. Package network is the connections, natsmodel the server.
//
// A seed goes the same way every time, to the nanosecond, alone or amid a thousand:
// make simulate runs it with a Go runtime that decides the same way each time (see
// package steady), in a process of its own. make replay SEED=17 tells the run of
// seed 17, line by line: fake time, what the dice of the runtime show, what happens;
// at the end the log. Plain go test runs the same seeds under a runtime that throws
// dice of its own: that finds other things, and what it finds need not come again.
package simulation
