#!/bin/sh
# One suite of the page's tests: cua serve in a world of its own, and Debian's Chromium before it.
#
#   tests/web/run.sh SUITE CUA FOLDER     FOLDER: for npm; what failed leaves a picture there
set -eu
here=$(cd "$(dirname "$0")" && pwd)
suite=$1
export CUA_TEST_PROGRAM="$2"
folder=$3

mkdir -p "$folder"
(
	flock 9
	if ! cmp -s "$here/package-lock.json" "$folder/installed.json"; then
		cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$folder"
		(cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || {
			cat "$folder/npm.log" >&2
			exit 1
		}
		cp "$here/package-lock.json" "$folder/installed.json"
	fi
	# Modules are looked for from where a script lies.
	cp "$here"/*.mjs "$here"/*.yaml "$folder"
) 9>"$folder/lock"
export CUA_TEST_SOURCES="$here/../.."
cd "$folder"
# In the world of a test there is no other desktop, and nothing stays of it.
place=$(mktemp -d /tmp/cua-test-web-XXXXXX)
mkdir "$place/run" "$place/state" "$place/home"
chmod 711 "$place" "$place/run" "$place/state"
export CUA_RUNTIME_DIR="$place/run" CUA_STATE_DIR="$place/state" HOME="$place/home"
unset CUA_RUNS_DIR CUA_MODEL CUA_BASE_URL XDG_CONFIG_HOME XDG_RUNTIME_DIR DISPLAY || true
trap '"$CUA_TEST_PROGRAM" desktop stop --all >/dev/null 2>&1 || true; rm -rf "$place"' EXIT
node --test --test-reporter=spec "$suite.mjs"
