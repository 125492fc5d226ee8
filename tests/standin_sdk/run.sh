#!/bin/sh
# The vendors' own SDKs talk to the stand-in model: what they can parse, and only that, is the real
# wire format. Installs them into a folder of the build, once.
#
#   tests/standin_sdk/run.sh CUA-STANDIN FOLDER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
standin=$1
folder=$2

mkdir -p "$folder"
if ! cmp -s "$here/package.json" "$folder/installed.json"; then
	cp "$here/package.json" "$folder/package.json"
	(cd "$folder" && npm install --ignore-scripts --no-audit --no-fund --no-package-lock >npm.log 2>&1) || {
		cat "$folder/npm.log" >&2
		exit 1
	}
	cp "$here/package.json" "$folder/installed.json"
fi
# Modules are looked for beside the file that imports them.
cp "$here"/*.mjs "$folder"
export CUA_TEST_PICTURE="$here/../../demos/libreoffice/letter.png"
OMP_THREAD_LIMIT=1 exec node "$folder/main.mjs" "$standin" "$here/script.yaml"
