# make help lists what helps a developer; make check and make proof are what CI runs, and make compose.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
LINT := go tool -modfile=tools/go.mod golangci-lint
# A failed test is run once more and named in the report: what passes the second time is a test to mend. A data race is not.
TEST := go tool -modfile=tools/go.mod gotestsum --format pkgname --rerun-fails=1 --rerun-fails-abort-on-data-race --packages ./... --

FUZZTIME ?= 60s#   how long a fuzz target runs
KILLS ?= 50#       how often the daemon is killed
CUTS ?= 0#         how often its power is cut; 0: as often as in CI
SEEDS ?= 1000#     how many seeds are simulated
AGAIN ?= 2#        how often a seed has to find a mutant again
FOR ?= 60s#        how long replicas live under faults
SOAK ?= 10m#       how long a soak is
USERS ?= 100000#   for how many a restart is measured
COUNT ?= 6#        how often a benchmark is run
SEED ?= 0#         what repeats a run; 0: others each time

# A Go runtime that decides the same way each time, for the simulation only: docs/adr/0013-steady-runtime.md.
STEADY := .steady/overlay.json
SIMULATE := go test -overlay $(STEADY) -tags steady ./simulation -count 1 -v -timeout 0

.PHONY: help check proof test race lint tidy fuzz fuzz-short bench chaos chaos-kill chaos-replicas powercut simulate simulate-year \
	replay steady mutants soak restart demo compose golden build

help: ## list these
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

check: ## everything CI runs, but for proof and compose
	test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go vet -tags fuse,replicas,steady ./chaos/... ./powercut/... ./simulation/...
	$(MAKE) tidy lint
	$(TEST)
	$(MAKE) race fuzz-short
	scripts/demo-check.sh

proof: ## the proofs of docs/guarantees.md, as long as in CI and with its seed: what is red there is red here
	$(MAKE) simulate mutants chaos-replicas powercut SEED=9

test: ## the tests that need nothing but Go; make proof has the others
	go test ./...

race: ## the same with the race detector, shuffled, a package at a time
	$(TEST) -race -shuffle=on -p 1

lint: ## the linters, the one that keeps the arrows among them
	$(LINT) run ./...

tidy: ## go.mod and go.sum are what the code needs
	go mod tidy -diff
	cd tools && go mod tidy -diff

fuzz: ## every fuzz target for FUZZTIME (60s)
	scripts/fuzz.sh $(FUZZTIME)

fuzz-short: ## every fuzz target for a few seconds
	scripts/fuzz.sh 2s

bench: ## all benchmarks, COUNT (6) times each
	go test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

chaos: chaos-kill chaos-replicas ## both of the next, with their tallies

chaos-kill: ## kill -9 the daemon KILLS (50) times and hold its log against the truth; SEED repeats a run
	go test ./chaos -run TestKill -count 1 -v -timeout 30m -args -chaos.kills=$(KILLS) -chaos.seed=$(SEED)

chaos-replicas: ## two and three replicas on one and three nats-servers under faults for FOR (60s); SEED repeats them
	go test -tags replicas ./chaos/replicas -count 1 -v -parallel 8 -timeout 60m -args -replicas.for=$(FOR) -replicas.seed=$(SEED)

powercut: ## cut the power CUTS times, on disks that forget what was not synced, fail or are slow; needs FUSE
	go test -tags fuse -count 1 ./powercut/lossy
	go test -tags fuse -count 1 -v -timeout 120m ./powercut -args -cuts=$(CUTS) -seed=$(SEED)

simulate: steady ## SEEDS (1000) runs of worker, client and publisher in fake time, with everything going wrong; each repeats
	$(SIMULATE) -run '^(TestSeeds|TestRunsRepeat)$$' -args -simulation.seeds=$(SEEDS)

simulate-year: ## the same for a year of simulated time
	$(MAKE) simulate SEEDS=60000

replay: steady ## tell what happens in the simulated run of SEED, the same each time
	$(SIMULATE) -run '^TestSeeds$$' -args -simulation.first=$(SEED) -simulation.seeds=1 -simulation.tell

steady:
	go run ./simulation/steady -o $(dir $(STEADY))

mutants: steady ## break presenced on purpose, line by line, and see that the simulation finds out, and again
	go run ./simulation/mutants -overlay $(STEADY) -again $(AGAIN)

soak: ## let the daemon live for SOAK (10m) through outages of NATS and Graph, and look whether what it holds stays flat
	go test ./soak -run TestSoak -count 1 -v -timeout 0 -args -soak.for=$(SOAK)

restart: ## kill -9 a daemon that watches USERS (100000) and measure how long nobody is seen
	go test ./soak -run TestRestartOfMany -count 1 -v -timeout 1h -args -soak.users=$(USERS)

demo: ## see it work
	go run ./cmd/presenced demo

compose: ## prove docker-compose.yml on the local Docker engine, without a registry
	scripts/stand-in-images.sh
	scripts/compose-test.sh

golden: ## write the golden files anew; look at the diff
	go test ./presence ./configs ./board ./graphsim ./docs -update

build: ## the binary, as it is released
	CGO_ENABLED=0 go build -trimpath -o presenced ./cmd/presenced
