#!/bin/sh
# The server half of the official conformance suite, on the core of our server with the tools that the
# suite looks for: all that each revision requires, and all scenarios of the revisions before. What is
# about things that are not offered is listed below, and has to fail: a scenario that begins to pass
# ends the test, too.
#
#   tests/mcp/serve_conformance.sh MCP_CONFORMANCE_SERVER FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
server=$1
folder=$2
. "$here/packages.sh"
cp "$here/conformance_bridge.mjs" .

# Of clients nothing is asked but their user: no sampling. In older revisions the answer of a user is a
# POST of its own, and news of a resource come after the POST that has asked for them: both need a session,
# which a POST alone does not have. A server checks Host and Origin for all that it has:
# serve_rebinding.mjs runs that one on it. Without a session id the suite of 2025-11-25 does not look for
# streams beside each other.
cat >serve_expected.yaml <<'END'
server:
  - resources-subscribe
  - resources-unsubscribe
  - tools-call-sampling
  - tools-call-elicitation
  - elicitation-sep1034-defaults
  - elicitation-sep1330-enums
  - dns-rebinding-protection
END
{ cat serve_expected.yaml; echo "  - server-sse-multiple-streams"; } >serve_expected_2025-11-25.yaml
cp serve_expected.yaml serve_expected_2026-07-28.yaml
status=0
for revision in 2026-07-28 2025-11-25; do
	rm -rf "serve_$revision"
	node conformance_bridge.mjs "$server" conformance server --url URL --requirements "$revision" \
		--expected-failures "serve_expected_$revision.yaml" -o "serve_$revision" >"serve_$revision.log" 2>&1 || {
		sed -n '/=== SUMMARY/,$p' "serve_$revision.log" >&2
		status=1
	}
done
# There are no sets of what older revisions require: all scenarios that are for them.
rm -rf serve_2025-06-18
node conformance_bridge.mjs "$server" conformance server --url URL --suite all --spec-version 2025-06-18 \
	--expected-failures serve_expected.yaml -o serve_2025-06-18 >serve_2025-06-18.log 2>&1 || {
	sed -n '/=== SUMMARY/,$p' serve_2025-06-18.log >&2
	status=1
}
exit $status
