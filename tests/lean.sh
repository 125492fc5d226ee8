#!/bin/sh
# cua itself is what people and scripts wait for: it loads few libraries. What needs more is a
# program beside it (cua/README.md).
#
#   tests/lean.sh PROGRAM
set -eu
allowed='libc.so.6 libcjson.so.1 libseccomp.so.2 libsodium.so.23 libm.so.6'
status=0
for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
	case " $allowed " in
	*" $library "*) ;;
	*)
		echo "$1 loads $library at each start" >&2
		status=1
		;;
	esac
done
exit $status
