#!/usr/bin/env bash
# compose-test.sh proves docker-compose.yml on the Docker engine of this machine: Compose v1 and v2 read it, it becomes
# healthy, its containers can do no more than it says, events arrive, and restarts lose and invent nothing.
#
#   scripts/compose-test.sh
#   COMPOSE='docker compose' scripts/compose-test.sh     with this Compose, not the one that it finds
#
# It takes Docker, Compose, Go and curl; where no registry can be reached, run stand-in-images.sh first. Everything it
# starts has a project name of its own, takes free ports, and is gone at the end, but for the cache of BuildKit.
set -euo pipefail
cd "$(dirname "$0")/.."

export COMPOSE_PROJECT_NAME=presenced-test-$$ NATS_PORT=0 HTTP_PORT=0 SIMULATOR_PORT=0
work=$(mktemp -d)
watcher=

say() { echo "compose-test: $*"; }
die() { echo "compose-test: FAILED: $*" >&2; exit 1; }

if [ -z "${COMPOSE:-}" ]; then
  COMPOSE='docker compose'
  docker compose version > /dev/null 2>&1 || COMPOSE=docker-compose
fi
compose() { $COMPOSE "$@"; } # two words are two words
presenced() { compose exec -T simulator /presenced "$@"; } # outlives restarts of the daemon

tidy() {
  local status=$?
  trap - EXIT
  [ -z "$watcher" ] || kill "$watcher" 2> /dev/null || true
  if [ "$status" -ne 0 ] && [ -e "$work/started" ]; then
    compose ps || true
    compose logs --tail 30 || true
  fi
  if [ -e "$work/started" ]; then
    compose down --volumes --rmi local --remove-orphans > "$work/down" 2>&1 || cat "$work/down" >&2
    docker image rm "$COMPOSE_PROJECT_NAME-build" > /dev/null 2>&1 || true # with the layers that are nobody else's
  fi
  rm -rf "$work"
  exit "$status"
}
trap tidy EXIT
trap 'exit 130' INT TERM

# wait_for tries a command once a second, for at most $1 seconds; $2 says what it waits for.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > "$work/tried" 2>&1; do
    [ "$SECONDS" -lt "$end" ] || die "waited in vain: $what; last: $(tail -n 3 "$work/tried")"
    sleep 1
  done
}

id_of() { compose ps -q "$1"; }
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(id_of "$1")")" = healthy ]; }
simulator() { curl -fsS --max-time 5 "http://$simulator/_sim/$1" "${@:2}"; }
requests() { simulator stats | sed -n 's/^  "requests": \([0-9]*\),$/\1/p'; }
more_requests() { [ "$(requests)" -ge "$1" ]; }

# sweeps waits for $1 whole sweeps that begin from now on: a request each, and one that may be under way.
sweeps() { wait_for $(($1 * 5 + 40)) "$1 sweeps" more_requests $(($(requests) + $1 + 1)); }

have_tools() {
  docker version > /dev/null 2>&1 || die "no Docker engine answers: start one, or give this user the right to use it"
  compose version > /dev/null 2>&1 || die "no Compose: install the plugin docker compose, or docker-compose 1.29"
  command -v go > /dev/null || die "no go: install Go"
  command -v curl > /dev/null || die "no curl: install it"
}

# The versions of the base images are written down a second time in go.mod.
same_versions() {
  grep -q "^FROM nats:$(go list -m -f '{{.Version}}' github.com/nats-io/nats-server/v2 | tr -d v)-alpine$" deploy/nats/Dockerfile ||
    die "deploy/nats/Dockerfile is not of the NATS server in go.mod"
  grep -q "^FROM golang:$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod) " Dockerfile ||
    die "Dockerfile is not of the Go version in go.mod"
}

# read_by_both compares what this Compose and the loader of Compose v2 read in file $1.
read_by_both() {
  compose --project-directory . -f "$1" config --services 2> "$work/warnings" | sort > "$work/this" || die "$COMPOSE does not read $1: $(cat "$work/warnings")"
  [ ! -s "$work/warnings" ] || die "$COMPOSE warns of $1: $(cat "$work/warnings")"
  "$work/composev2" "$1" > "$work/v2" || die "the loader of Compose v2, or the promise above, refuses $1"
  diff "$work/this" "$work/v2" > /dev/null || die "two readings of $1: $(paste -sd' ' "$work/this"), Compose v2 $(paste -sd' ' "$work/v2")"
  say "$COMPOSE and the loader of Compose v2 read $(basename "$1"): $(paste -sd' ' "$work/v2")"
}

build() {
  touch "$work/started"
  docker build --target build -t "$COMPOSE_PROJECT_NAME-build" . > "$work/build" 2>&1 || { cat "$work/build" >&2; die "the image does not build; if no registry answers: scripts/stand-in-images.sh"; }
  compose build > "$work/build" 2>&1 || { cat "$work/build" >&2; die "an image does not build"; }
}

up() {
  local begin=$SECONDS
  compose up -d > "$work/up" 2>&1 || { cat "$work/up" >&2; die "it does not start"; }
  for service in nats simulator presenced; do
    wait_for 90 "$service is healthy" healthy "$service"
  done
  say "healthy after $((SECONDS - begin)) s"
  simulator=$(compose port simulator 8490)
  board=$(compose port simulator 8480)
  for address in "$simulator" "$board" "$(compose port nats 4222)"; do
    [[ $address == 127.0.0.1:* ]] || die "a port is published on $address, want 127.0.0.1 only"
  done
  [ "$(curl -fsS --max-time 5 "http://$board/readyz")" = ok ] || die "readyz does not say ok"
}

# contained looks at the first process of a service as the kernel sees it, through a container beside it: presenced has
# no shell, and the engine may be on another machine.
contained() {
  local shell proc
  shell=$(docker inspect -f '{{.Image}}' "$(id_of nats)")
  proc=$(docker run --rm --network none --pid "container:$(id_of "$1")" --entrypoint cat "$shell" /proc/1/status /proc/1/mountinfo)
  for line in $'Uid:\t65532\t65532\t65532\t65532' $'Gid:\t65532\t65532\t65532\t65532' \
    $'CapEff:\t0000000000000000' $'CapBnd:\t0000000000000000' $'NoNewPrivs:\t1' $'Seccomp:\t2'; do
    grep -qxF "$line" <<< "$proc" || die "$1: the kernel does not say $line"
  done
  grep -qE '^[0-9]+ [0-9]+ [0-9:]+ / / ro[, ]' <<< "$proc" || die "$1: the root file system can be written to"
  say "$1: user 65532, no capabilities, no new privileges, root read-only; $(awk '/^VmRSS/ { print $2 " KiB resident" }' <<< "$proc")"
}

syncs_always() {
  compose exec -T nats wget -q -O - http://127.0.0.1:8222/varz | grep -q '"sync_always": true' || die "NATS does not sync before it acknowledges"
  say "NATS $(compose exec -T nats nats-server --version | sed 's/.* //'): sync_interval always"
}

state() { presenced get -s nats://nats:4222 -o json > "$1"; }

# watch collects every event from now on.
watch() {
  presenced watch -s nats://nats:4222 -o json > "$work/events" &
  watcher=$!
}
changes() { [ "$(grep -c '"type":"presenced.presence.change.v1"' "$work/events")" -ge "$1" ]; }

# Each person's revisions follow one another in what was watched, and end where the table is.
unbroken() {
  simulator clock -d '{"frozen": true}' > /dev/null
  sweeps 4
  state "$work/table"
  for what in table events; do
    sed 's/.*"id":"[^/"]*\/\([^/"]*\)\/\([0-9]*\)".*/\1 \2/' "$work/$what" > "$work/$what.revisions"
  done
  awk 'NR == FNR { table[$1] = $2; next }
    $1 in last && $2 != last[$1] + 1 { print $2 " follows " last[$1]; exit 1 }
    { last[$1] = $2 }
    END { for (user in last) if (last[user] != table[user]) { print last[user] " is the last, the table has " table[user]; exit 1 } }' \
    "$work/table.revisions" "$work/events.revisions" > "$work/broken" || die "revisions are broken: $(cat "$work/broken")"
  say "$(wc -l < "$work/events") events watched, no revision missing or doubled"
}

# With the people standing still, nothing may be written, whatever is restarted.
restarts() {
  simulator clock -d '{"frozen": true}' > /dev/null
  sweeps 4 # whoever is unknown is so three times before it counts
  state "$work/before"
  compose restart nats presenced > /dev/null 2>&1
  wait_for 60 "presenced is healthy" healthy presenced
  sweeps 2
  state "$work/after"
  diff "$work/before" "$work/after" > "$work/diff" || die "a restart changed $(grep -c '^>' "$work/diff") of $(wc -l < "$work/before") people"
  say "restart of NATS and presenced: all $(wc -l < "$work/before") people as before, revisions too"
}

# A change while presenced is dead is one event once it lives again.
killed() {
  local user revision
  user=$(sed -n '1s/.*"user":"\([^"]*\)".*/\1/p' "$work/before")
  revision=$(sed -n '1s/.*"revision":\([0-9]*\).*/\1/p' "$work/before")
  compose kill -s SIGKILL presenced > /dev/null 2>&1
  simulator presence -d "{\"user\": \"$user\", \"availability\": \"DoNotDisturb\", \"activity\": \"UrgentInterruptionsOnly\"}" > /dev/null
  compose start presenced > /dev/null 2>&1
  wait_for 60 "presenced is healthy" healthy presenced
  sweeps 2
  state "$work/after"
  [ "$(diff "$work/before" "$work/after" | grep -c '^>')" = 1 ] || die "one person changed, the table says $(diff "$work/before" "$work/after" | grep -c '^>')"
  grep "\"$user\"" "$work/after" | grep '"activity":"UrgentInterruptionsOnly"' | grep -q "\"revision\":$((revision + 1))," || die "the change while presenced was dead is not revision $((revision + 1))"
  say "kill -9 of presenced, and a change meanwhile: one event, revision $revision to $((revision + 1))"
}

# real_tenant carries out what .env.example says, as far as it goes without an account.
real_tenant() {
  local owner
  owner=$(id -u):$(id -g)
  mkdir "$work/tenant"
  echo not-a-secret > "$work/tenant/client-secret"
  echo 0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80 > "$work/tenant/users.txt"
  chmod 0600 "$work/tenant"/*
  if [ "${owner%:*}" = 0 ]; then
    owner=65532:65532
    chown "$owner" "$work/tenant"/*
  fi
  sed -e 's/^AZURE_TENANT_ID=/&7a3c2f10-52c4-4b7e-9d61-0f5e8c1b2a34/' -e 's/^AZURE_CLIENT_ID=/&c1e0b9d8-6f47-4a25-8e13-9b7d5f3a1c02/' \
    -e "s/^RUN_AS=.*/RUN_AS=$owner/" .env.example > "$work/.env"
  sed -e '/# Simulated tenant: begin/,/# Simulated tenant: end/d' -e '/# Real tenant: begin/,/# Real tenant: end/ { /# Real tenant:/d; s/^  # /  /; }' \
    -e "s|env_file: .env|env_file: $work/.env|; s|\./deploy/tenant|$work/tenant|" docker-compose.yml > "$work/real.yml"
  sed -i "s|build: |&$PWD/|" "$work/real.yml" # relative to this folder, not to the new file's
  read_by_both "$work/real.yml"
  compose -f "$work/real.yml" --env-file "$work/.env" run --rm --no-deps -T presenced check --offline > "$work/check" 2>&1 ||
    die "the real tenant's configuration is wrong: $(cat "$work/check")"
  say "a real tenant's .env passes presenced check"
}

have_tools
same_versions
go -C scripts/composev2 test ./... > "$work/tested" 2>&1 || { cat "$work/tested" >&2; die "scripts/composev2 fails its tests"; }
go -C scripts/composev2 build -o "$work/composev2" .
read_by_both docker-compose.yml
build
up
for service in nats simulator presenced; do contained "$service"; done
syncs_always
watch
wait_for 90 "changes arrive" changes 3
restarts
killed
simulator clock -d '{"frozen": false}' > /dev/null
wait_for 90 "changes go on" changes "$(($(wc -l < "$work/events") + 3))"
unbroken
real_tenant
say "image $(docker image inspect -f '{{.Size}}' "$(docker inspect -f '{{.Image}}' "$(id_of presenced)")") bytes"
for service in nats simulator presenced; do
  say "$service: $(docker stats --no-stream --format '{{.MemUsage}}, {{.PIDs}} threads' "$(id_of "$service")")"
done
say "all is well"
