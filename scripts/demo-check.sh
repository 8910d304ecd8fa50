#!/usr/bin/env bash
# Runs README's demo for 20 s and fails unless its log tells exactly what the
# simulated tenant served.
set -euo pipefail
cd "$(dirname "$0")/.."
line=$(go run ./cmd/presenced demo --for 20s --output json | tail -n 1)
echo "$line"
field() { sed -nE "s/.*\"$1\":([0-9]+).*/\1/p" <<<"$line"; }
fail() { echo "demo: $1" >&2; exit 1; }
[ "$(field served_changes)" -gt 0 ] || fail "nothing changed"
[ "$(field change_events)" = "$(field served_changes)" ] || fail "change_events differs from served_changes"
for count in duplicates missing invented broken_revisions; do
	[ "$(field $count)" = 0 ] || fail "$count is not 0"
done
[ "$(field max_requests_in_30s)" -le 1500 ] || fail "more than 1500 requests in 30 s"
