# make help lists what helps a developer; make check is what CI runs.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
LINT := go tool -modfile=tools/go.mod golangci-lint

# How long a fuzz target runs, how often the daemon is killed, how often a benchmark is run, how long a soak is, for how
# many users a restart is measured.
FUZZTIME ?= 60s
KILLS ?= 50
SEED ?= 0
COUNT ?= 6
SOAK ?= 10m
USERS ?= 100000

.PHONY: help check test race lint tidy fuzz fuzz-short bench chaos soak restart demo compose golden build

help: ## list these
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

check: ## everything CI runs, but for containers
	test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	$(MAKE) tidy lint
	go test ./...
	$(MAKE) race fuzz-short
	scripts/demo-check.sh

test: ## all tests
	go test ./...

race: ## all tests with the race detector, shuffled
	go test -race -shuffle=on ./...

lint: ## the linters, the one that keeps the arrows among them
	$(LINT) run ./...

tidy: ## go.mod and go.sum are what the code needs
	go mod tidy -diff
	cd tools && go mod tidy -diff

fuzz: ## every fuzz target for FUZZTIME (60s)
	scripts/fuzz.sh $(FUZZTIME)

fuzz-short: ## every fuzz target for a few seconds
	scripts/fuzz.sh 3s

bench: ## all benchmarks, COUNT (6) times each
	go test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

chaos: ## kill -9 the daemon KILLS (50) times and hold its log against the truth; SEED repeats a run
	go test ./chaos -run TestKill -count 1 -v -timeout 30m -args -chaos.kills=$(KILLS) -chaos.seed=$(SEED)

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
