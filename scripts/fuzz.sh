#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time, one after the other. What
# is new is made small in few steps: the default takes a minute for each, which is
# all the time there is.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
go list -f '{{.Dir}}' ./... | while read -r dir; do
	{ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null || true; } | sed 's/^func //' | while read -r target; do
		echo "== ${dir#"$PWD"/} $target"
		(cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 100x . | tail -n 2)
	done
done
