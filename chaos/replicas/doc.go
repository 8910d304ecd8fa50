// Package replicas is the proof by force for several replicas: its tests run the
// real program two and three times at once against real nats-server processes, one
// and three of them, and break everything between them. The simulated tenants run
// in the test's own process, so that it knows what was answered to whom. It has no
// code but tests, behind the build tag replicas, because they take minutes:
//
//	make chaos-replicas                    a minute of faults for each number of servers
//	make chaos-replicas FOR=10m SEED=7     longer, with the faults of that seed
//
// Follow one answer: front_test.go gives it and notes to whom, proxy_test.go and
// tap_test.go stand between a replica and NATS and see what it writes, log_test.go
// reads what is stored, account_test.go says which answers had to be written, and
// [presenced/audit.Judge] compares. fault_test.go lists what is done to them
// meanwhile.
package replicas
