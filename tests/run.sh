#!/bin/sh
# Installs what is missing, builds with gcc and clang, runs every test, prints ctest's summary.
#
#   tests/run.sh [ctest options]     for example: tests/run.sh -R typing -V
set -eu
cd "$(dirname "$0")/.."

containers/install-deps.sh run build demo test

jobs=$(nproc)
build() { # directory, options...
	directory=$1
	shift
	# A demo may have configured build/ without tests.
	cmake -S . -B "$directory" -DCUA_WERROR=ON -DCUA_TESTS=ON "$@" >"$directory.log" 2>&1 &&
		cmake --build "$directory" -j "$jobs" >>"$directory.log" 2>&1 || {
		cat "$directory.log" >&2
		echo "tests/run.sh: $directory failed to build" >&2
		exit 1
	}
}
echo 'building with gcc' >&2
build build -DCUA_SANITIZED_BUILD="$PWD/build-sanitized"
echo 'building with clang' >&2
build build-clang -DCMAKE_C_COMPILER=clang-14 -DCUA_WEB=OFF
echo 'building with address and undefined-behaviour sanitizers' >&2
build build-sanitized -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang-14 -DCUA_FUZZ=ON \
	-DCUA_SANITIZE=fuzzer-no-link,address,undefined

# Tests wait for programs more than they compute: with as many at once as processors, most of the time none works.
exec ctest --test-dir build -j $((2 * jobs)) --output-on-failure --no-tests=error "$@"
