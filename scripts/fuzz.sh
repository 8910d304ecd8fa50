#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time, one after the other. What
# is new is made small in few steps: the default takes a minute for each, which is
# all the time there is.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# go test may fail at the end of a target's time with its own deadline as the only
# cause (golang/go#75804). Something found is always told as a failing input.
ended_by_time() {
	! grep -q 'Failing input' "$log" &&
		[ "$(grep -A 1 -- '^--- FAIL: ' "$log" | tail -n +2)" = '    context deadline exceeded' ]
}

fuzz() { # <folder> <target>
	if (cd "$1" && go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 100x . >"$log" 2>&1); then
		tail -n 2 "$log"
	elif ended_by_time; then
		echo "nothing found when the time was up"
	else
		cat "$log"
		return 1
	fi
}

go list -f '{{.Dir}}' ./... | while read -r dir; do
	{ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null || true; } | sed 's/^func //' | while read -r target; do
		echo "== ${dir#"$PWD"/} $target"
		fuzz "$dir" "$target"
	done
done
