#!/bin/sh
# `cua mcp`, /mcp of `cua serve`, and the official SDK and inspector, on real desktops.
#
#   tests/mcp/serve.sh sdk|http|inspector CUA FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
topic=$1
cua=$2
folder=$3
. "$here/packages.sh"

# A world of its own: no other desktop of this machine is in it, and nothing stays of it.
place=$(mktemp -d /tmp/cua-test-mcp-XXXXXX)
mkdir "$place/run" "$place/state" "$place/home"
chmod 711 "$place" "$place/run" "$place/state"
export CUA_RUNTIME_DIR="$place/run" CUA_STATE_DIR="$place/state" HOME="$place/home"
unset CUA_RUNS_DIR CUA_MODEL CUA_BASE_URL XDG_CONFIG_HOME || true
trap '"$cua" desktop stop --all >/dev/null 2>&1 || true; rm -rf "$place"' EXIT

sdk() {
	# Modules are looked for from where a script lies.
	cp "$here/serve_sdk.mjs" .
	node serve_sdk.mjs "$cua"
}

# The same by /mcp of a server.
http() {
	cp "$here/serve_http_sdk.mjs" .
	node serve_http_sdk.mjs "$cua"
	cp "$here/serve_rebinding.mjs" .
	node serve_rebinding.mjs "$cua"
}

# In each era: the list without a mistake in a schema that a host might trip over, a picture, a click.
inspector() {
	"$cua" desktop start --name shared >/dev/null
	for era in legacy auto modern; do
		inspect() {
			mcp-inspector --cli --protocol-era "$era" -e "CUA_RUNTIME_DIR=$CUA_RUNTIME_DIR" \
				-e "CUA_STATE_DIR=$CUA_STATE_DIR" "$cua" mcp "$@" </dev/null
		}
		inspect --method tools/list --strict --format json >"$place/tools.json"
		grep -q '"name":"find_text"' "$place/tools.json"
		inspect --method tools/call --tool-name screenshot --format json >"$place/shot.json"
		node -e '
			const { content } = JSON.parse(require("fs").readFileSync(process.argv[1])).result;
			const bytes = Buffer.from(content[0].data, "base64");
			if (content[0].mimeType !== "image/png" || bytes.toString("latin1", 1, 4) !== "PNG" ||
				bytes.readUInt32BE(16) !== 1280) process.exit(1);' "$place/shot.json"
		inspect --method tools/call --tool-name move --tool-arg x=321 y=123 --format json \
			>"$place/move.json"
		test "$("$cua" cursor_position -d shared)" = "321 123"
		"$cua" move -d shared 1 1
		status=0
		inspect --method tools/call --tool-name click --tool-arg x=99999 y=1 --format json \
			>"$place/click.json" 2>&1 || status=$?
		test $status -eq 5
		grep -q 'x is 99999; it must be 0 to 1279' "$place/click.json"
		echo "ok $era"
	done
}

"$topic"
