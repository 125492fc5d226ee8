#!/bin/sh
# Builds the page: its packages by the lock file, types checked, files bundled, hashed and compressed.
#
#   cua/web/build.sh WORK OUT     WORK: a folder for npm; OUT: where the files go
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" "$2"
work=$(cd "$1" && pwd)
out=$(cd "$2" && pwd)

fail() {
	cat "$work/build.log" >&2
	echo "cua/web/build.sh: $1; without the page: cmake -DCUA_WEB=OFF" >&2
	exit 1
}

# Packages are looked for above the file that names them, so the sources go beside them.
if ! cmp -s "$here/package-lock.json" "$work/installed.json"; then
	cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$work"
	(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund >build.log 2>&1) ||
		fail 'npm could not install the packages of the page'
	cp "$here/package-lock.json" "$work/installed.json"
fi
rm -rf "$work/src" "$work/dist"
cp -R "$here/src" "$here/index.html" "$here/vite.config.ts" "$here/tsconfig.json" "$here/compress.mjs" \
	"$here/package.json" "$work"
cd "$work"
npm run --silent check >build.log 2>&1 || fail 'the types of the page do not fit'
npm run --silent build >build.log 2>&1 || fail 'vite could not build the page'
node compress.mjs dist
rm -rf "$out"
mv dist "$out"
