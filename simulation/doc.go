// Package simulation runs the real worker, graphclient and publisher, one to three
// replicas of them, against a simulated Graph and a model of NATS, in fake time,
// with everything that can go wrong going wrong, and then holds the whole log
// against what was served. A run is drawn from its seed, plan by plan.
//
// Follow one run: [Draw] makes the plan, world.go carries it out, process.go is
// one presenced, graph.go the way to Graph and the record of what it served, and
// judge.go reads the log. Package network is the connections, natsmodel the server.
package simulation
