#!/bin/sh
# cua policy as a person types it: exit statuses, FILE:LINE, --json, --help.
#
#   tests/policy.sh PROGRAM
set -eu
cua=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_CONFIG_HOME="$dir"
unset CUA_POLICY

fail() {
	echo "policy.sh: $*" >&2
	exit 1
}
# Status, a text that the output has, and the arguments.
expect() {
	wanted=$1 text=$2 status=0
	shift 2
	"$cua" policy "$@" >"$dir/out" 2>&1 || status=$?
	[ "$status" = "$wanted" ] || fail "cua policy $*: status $status: $(cat "$dir/out")"
	grep -qF -- "$text" "$dir/out" || fail "cua policy $*: no '$text' in: $(cat "$dir/out")"
}

expect 0 'default policy: well formed' check
expect 2 'say check' nonsense
expect 2 'say check'
expect 0 'origin       of the URL' --help
expect 0 'origin       of the URL' explain --help
expect 0 'The class of a call' default
expect 0 'allow: what stays in the sandbox' explain click x:=1 y:=2
expect 10 'ask: what cannot be undone' explain bash 'command=ls && rm x'
expect 10 'part   rm x' explain bash 'command=ls && rm x'
expect 11 'deny: writing outside the workspace' explain --workspace=/w write_file path=/etc/x
expect 10 '"verdict":"ask"' explain --json mcp:mail:send --arguments='{"to":"x"}'
expect 2 'name a tool' explain
expect 2 'is not NAME=VALUE' explain bash rm
expect 2 'not a JSON object' explain --arguments=7 bash
expect 2 'explain TOOL' explain --network=maybe bash

mkdir "$dir/cua"
printf 'include: default\nrules:\n  - allow: sending\n    when: {server: mail, origni: x}\n' >"$dir/cua/policy.yaml"
expect 1 "$dir/cua/policy.yaml:4: there is no condition 'origni'" check
expect 1 "$dir/cua/policy.yaml:4: " explain click
printf 'include: default\nrules:\n  - allow: sending\n    when: {server: mail}\n' >"$dir/cua/policy.yaml"
expect 0 'well formed' check
expect 0 "by     $dir/cua/policy.yaml:3" explain mcp:mail:send
expect 10 'does not say tainted: true' explain --tainted mcp:mail:send
CUA_POLICY=$dir/none expect 1 'No such file' check
expect 1 'No such file' check "$dir/none"
"$cua" policy default >"$dir/own.yaml"
expect 0 'well formed' check "$dir/own.yaml"
