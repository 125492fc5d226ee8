#!/bin/sh
# The client half of the official conformance suite: each scenario that is not about authorization,
# at each revision it is for.
#
#   tests/mcp/conformance.sh MCP_CONFORMANCE FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
client=$1
folder=$2
. "$here/packages.sh"

failed=
count=0
while read -r scenario versions; do
	for version in $versions; do
		count=$((count + 1))
		if ! conformance client --command "$client" --scenario "$scenario" \
				--spec-version "$version" >scenario.log 2>&1; then
			echo "--- $scenario $version" >&2
			cat scenario.log >&2
			failed="$failed $scenario($version)"
		fi
	done
done <<'END'
initialize 2025-06-18 2025-11-25
tools_call 2025-06-18 2025-11-25 2026-07-28
elicitation-sep1034-client-defaults 2025-11-25
sse-retry 2025-11-25
json-schema-2020-12-preservation 2025-11-25 2026-07-28
request-metadata 2026-07-28
sep-2322-client-request-state 2026-07-28
http-standard-headers 2026-07-28
http-custom-headers 2026-07-28
http-invalid-tool-headers 2026-07-28
json-schema-ref-no-deref 2026-07-28
END
echo "$count scenarios; failed:${failed:- none}"
test -z "$failed"
