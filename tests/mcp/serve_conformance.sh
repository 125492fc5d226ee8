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

# There are no resources, prompts, completions and logs; of clients nothing is asked but their user: no
# sampling, no roots. Nothing is kept in requestState. In older revisions the answer of a user is a POST of
# its own, which needs a session that a POST alone does not have. A server checks Host and Origin for all that it has. Without a session id the
# suite of 2025-11-25 does not look for streams beside each other.
cat >serve_expected.yaml <<'END'
server:
  - completion-complete
  - resources-list
  - resources-read-text
  - resources-read-binary
  - resources-templates-read
  - resources-subscribe
  - resources-unsubscribe
  - sep-2164-resource-not-found
  - prompts-list
  - prompts-get-simple
  - prompts-get-with-args
  - prompts-get-embedded-resource
  - prompts-get-with-image
  - logging-set-level
  - tools-call-with-logging
  - tools-call-sampling
  - tools-call-elicitation
  - elicitation-sep1034-defaults
  - elicitation-sep1330-enums
  - input-required-result-request-state
  - input-required-result-multiple-input-requests
  - input-required-result-multi-round
  - input-required-result-non-tool-request
  - input-required-result-tampered-state
  - server-stateless:sep-2575-server-rejects-undeclared-capability
  - server-stateless:sep-2575-missing-capability-http-400
  - caching:sep-2549-prompts-list-caching-hints
  - caching:sep-2549-resources-list-caching-hints
  - caching:sep-2549-resources-templates-list-caching-hints
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
