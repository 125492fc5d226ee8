#!/bin/sh
# cua desktop stop on a desktop without a record ends no process that is not the desktop's. In a pid
# namespace of its own, so that a mistake can hit nobody else.
#
#   tests/stop-damaged.sh PATH-TO-CUA
set -eu
cua=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ "$(id -u)" -eq 0 ] || map=--map-root-user
CUA_RUNTIME_DIR=$dir/run CUA_STATE_DIR=$dir/state unshare ${map:-} --pid --fork --mount-proc sh -euc '
	mkdir -p "$CUA_RUNTIME_DIR/desktops/damaged"
	sleep 1000 &
	bystander=$!
	"$1" desktop stop damaged
	test ! -e "$CUA_RUNTIME_DIR/desktops/damaged"
	grep -q "^State:.[SR]" "/proc/$bystander/status"
' sh "$cua"
