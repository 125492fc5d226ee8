#!/bin/sh
# The published servers: everything over stdio and both kinds of HTTP, and filesystem.
#
# Runs with them are MCP_PUBLISHED_run, beside it.
#
#   tests/mcp/published.sh MCP_PUBLISHED FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
test=$1
folder=$2
. "$here/packages.sh"
folder=$PWD
node=$(readlink -f "$(command -v node)")
servers=$folder/node_modules/@modelcontextprotocol

# Servers of root are another user, who must get there.
place=$(mktemp -d /tmp/cua-test-mcp-XXXXXX)
started=
trap 'for pid in $started; do kill "$pid"; done; rm -rf "$place"' EXIT
mkdir "$place/papers" "$place/state"
chmod 711 "$place" "$place/state"
chmod 777 "$place/papers"

free_port() {
	node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => {
		console.log(s.address().port); s.close(); })'
}
start() { # transport, port
	PORT=$2 node "$servers/server-everything/dist/index.js" "$1" >"$place/$1.log" 2>&1 &
	started="$started $!"
	curl --silent --output /dev/null --retry 200 --retry-delay 1 --retry-max-time 30 \
		--retry-connrefused "http://127.0.0.1:$2/"
}
port=$(free_port)
start streamableHttp "$port"
old=$(free_port)
start sse "$old"

cat >"$place/servers.json" <<END
{"mcpServers": {
	"everything": {"command": "$node", "args": ["$servers/server-everything/dist/index.js", "stdio"],
		"env": {"GIVEN": "\${MCP_TEST_GIVEN}"}, "read": ["$folder", "$node"]},
	"files": {"command": "$node", "args": ["$servers/server-filesystem/dist/index.js", "$place/papers"],
		"read": ["$folder", "$node"], "write": ["$place/papers"]},
	"old": {"type": "sse", "url": "http://127.0.0.1:$old/sse"},
	"web": {"type": "http", "url": "http://127.0.0.1:$port/mcp"}
}}
END
CUA_STATE_DIR=$place/state "$test" "$place/servers.json" "$place/papers"
"${test}_run" "$place/servers.json"
