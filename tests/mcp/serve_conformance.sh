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

# There are no resources, prompts, completions and logs; of clients nothing is asked: no sampling, no
# elicitation, no roots. A server checks Host and Origin for all that it has. Without a session id the
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
  - input-required-result-basic-elicitation
  - input-required-result-basic-sampling
  - input-required-result-basic-list-roots
  - input-required-result-request-state
  - input-required-result-multiple-input-requests
  - input-required-result-multi-round
  - input-required-result-missing-input-response
  - input-required-result-non-tool-request
  - input-required-result-result-type
  - input-required-result-tampered-state
  - input-required-result-capability-check
  - input-required-result-ignore-extra-params
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
exit $status
