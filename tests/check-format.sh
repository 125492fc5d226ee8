#!/bin/sh
# clang-format 14 of Debian 12 agrees with every C file.
set -eu
cd "$(dirname "$0")/.."
find cua display agent demos tests -name '*.[ch]' -print0 |
	xargs -0 -n 40 clang-format-14 --dry-run --Werror
