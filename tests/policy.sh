#!/bin/sh
# cua policy as a person types it: exit statuses, FILE:LINE, --json, --help.
#
#   tests/policy.sh PROGRAM
set -eu
cua=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_CONFIG_HOME="$dir" CUA_STATE_DIR="$dir/state"
unset CUA_POLICY CUA_MCP_SERVERS

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
expect 11 'deny: writing outside the workspace' explain --workspace=/w write_file path=/etc/x content=x
expect 10 '"verdict":"ask"' explain --json mcp:mail:send --arguments='{"to":"x"}'
expect 2 'name a tool' explain
expect 2 'is not NAME=VALUE' explain bash rm
expect 2 'not a JSON object' explain --arguments=7 bash
expect 2 'explain TOOL' explain --network=maybe bash

# A call that no run could make is no question.
expect 2 "there is no tool or action 'clik'; did you mean 'click'?" explain clik x=1 y=2
expect 2 "there is no tool or action 'nosuchtool'; cua tools" explain nosuchtool
expect 2 'bash takes no "comand"; did you mean '"'command'?" explain bash comand=ls
expect 2 'arguments have "command" twice' explain --arguments='{"command":"ls","command":"rm a"}' bash
expect 2 'bash: timeout_s must be a whole number from 1 to' explain bash command=ls timeout_s=99999
expect 2 'write_file: path is missing' explain write_file content=x
expect 2 'text_editor: command is "vew"; it must be one of view, ' explain text_editor command=vew path=a
expect 2 'click: x is 50000; it must be 0 to 32767' explain click x=50000 y=1
expect 2 'click: y is missing' explain click x=5000
expect 2 'open_url: unknown argument "ulr"; did you mean '"'url'?" explain open_url ulr=https://example.org/
expect 2 'mcp:SERVER:TOOL' explain mcp:mail
expect 0 'allow: ' explain click x=1 y=2
expect 0 'allow: ' explain computer action=drag path=1,2 path=3,4
expect 0 'allow: ' explain git command=add paths=a paths=b
expect 0 'allow: ' explain bash command=ls timeout_s=5 restart=false

mkdir "$dir/cua"
printf 'include: default\nrules:\n  - allow: sending\n    when: {server: mail, origni: x}\n' >"$dir/cua/policy.yaml"
expect 1 "$dir/cua/policy.yaml:4: there is no condition 'origni'; did you mean 'origin'?" check
expect 1 "$dir/cua/policy.yaml:4: " explain click
printf 'include: default\nrules:\n  - deny: shells\n    when: {tool: bsh}\n' >"$dir/cua/policy.yaml"
expect 1 "$dir/cua/policy.yaml:4: there is no tool 'bsh'; did you mean 'bash'?" check
expect 1 "policy.yaml:4: there is no tool 'bsh'" explain bash command=ls
printf 'include: default\nrules:\n  - allow: sending\n    when: {server: mail}\n' >"$dir/cua/policy.yaml"
expect 0 "warning: $dir/cua/policy.yaml:3: no MCP server here is called 'mail'" check
printf '{"mcpServers": {"mail": {"command": "true"}, "post": {"command": "true"}}}' >"$dir/cua/mcpServers.json"
expect 0 "$dir/cua/policy.yaml: well formed" check
! grep -q warning "$dir/out" || fail "a warning of a server that there is: $(cat "$dir/out")"
mkdir -p "$dir/state/mcp/pins"
printf '{"launch": {}, "tools": {"send": {"hash": "x", "definition": {"inputSchema": {"properties": {"to": {}}}}}}}' \
	>"$dir/state/mcp/pins/mail.json"
expect 0 "warning: no MCP server that is meant has a tool 'sned'; did you mean 'send'?" explain mcp:mail:sned
expect 0 "warning: no tool of an MCP server that is meant takes 'too'; did you mean 'to'?" explain mcp:mail:send too=x
expect 10 "warning: no MCP server here is called 'pots'; did you mean 'post'?" explain mcp:pots:send
expect 0 "by     $dir/cua/policy.yaml:3" explain mcp:mail:send
expect 10 'does not say tainted: true' explain --tainted mcp:mail:send
CUA_POLICY=$dir/none expect 1 'No such file' check
expect 1 'No such file' check "$dir/none"
"$cua" policy default >"$dir/own.yaml"
expect 0 'well formed' check "$dir/own.yaml"
