#!/bin/sh
# The server half of the official conformance suite, on the core of our server with the tools that the
# suite looks for: all that each revision requires, and all scenarios of the revisions before. None may
# fail.
#
#   tests/mcp/serve_conformance.sh MCP_CONFORMANCE_SERVER FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
server=$1
folder=$2
. "$here/packages.sh"
cp "$here/conformance_bridge.mjs" .

status=0
for revision in 2026-07-28 2025-11-25; do
	rm -rf "serve_$revision"
	node conformance_bridge.mjs "$server" conformance server --url URL --requirements "$revision" \
		-o "serve_$revision" >"serve_$revision.log" 2>&1 || {
		sed -n '/=== SUMMARY/,$p' "serve_$revision.log" >&2
		status=1
	}
done
# There are no sets of what older revisions require: all scenarios that are for them.
rm -rf serve_2025-06-18
node conformance_bridge.mjs "$server" conformance server --url URL --suite all --spec-version 2025-06-18 \
	-o serve_2025-06-18 >serve_2025-06-18.log 2>&1 || {
	sed -n '/=== SUMMARY/,$p' serve_2025-06-18.log >&2
	status=1
}
exit $status
