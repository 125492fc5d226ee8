#!/bin/sh
# openapi.json of `cua serve`: is it well formed, and is every route of it what it says?
#
#   tests/openapi/run.sh CUA MCP_SERVER FOLDER     FOLDER: for npm
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export CUA_TEST_PROGRAM="$1" CUA_TEST_MCP_SERVER="$2"
folder=$3
. "$here/../mcp/packages.sh"

# A world of its own: no other desktop of this machine is in it, and nothing stays of it.
place=$(mktemp -d /tmp/cua-test-openapi-XXXXXX)
mkdir "$place/run" "$place/state" "$place/home"
chmod 711 "$place" "$place/run" "$place/state"
export CUA_RUNTIME_DIR="$place/run" CUA_STATE_DIR="$place/state" HOME="$place/home"
unset CUA_RUNS_DIR CUA_MODEL CUA_BASE_URL XDG_CONFIG_HOME XDG_RUNTIME_DIR DISPLAY || true
# The stand-in of a demo outlives its server, as runs do, and says in its record which process it is.
end_standin() {
	pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$place/state/demo/standin.json" 2>/dev/null || true)
	if [ -n "$pid" ] && grep -qzF -- "$place/" "/proc/$pid/cmdline" 2>/dev/null; then
		kill "$pid" || true
	fi
}
trap 'end_standin; "$CUA_TEST_PROGRAM" desktop stop --all >/dev/null 2>&1 || true; rm -rf "$place"' EXIT
# Modules are looked for from where a script lies.
cp "$here/drive.mjs" .
node drive.mjs
