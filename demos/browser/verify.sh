#!/bin/sh
# Checks from outside what the server of the browser demo received: FOLDER/received.jsonl, a JSON
# object per request. The texts that must be in it are taken from the script itself.
#
#   demos/browser/verify.sh FOLDER
#
# Prints a line for each thing it verified; ends with status 1 at the first that does not hold.
set -eu
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
standin=${CUA_STANDIN:-$here/../../build/bin/cua-standin}
received=${1:?usage: verify.sh FOLDER}/received.jsonl
script=$here/form.yaml

fail() {
	echo "NOT verified: $*" >&2
	exit 1
}
told() { "$standin" --script "$script" --print "$1"; }
# The one request of a kind. The pages write {"what":KIND first, and without spaces.
request() {
	[ "$(grep -c "^{\"what\":\"$1\"" "$received")" = 1 ] ||
		fail "the server received $(grep -c "^{\"what\":\"$1\"" "$received") requests of the kind '$1', not one"
	grep "^{\"what\":\"$1\"" "$received"
}
# A member of the form. The texts of the script hold no quotes of JSON and no backslashes.
field() { printf '%s\n' "$form" | sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }

[ -s "$received" ] || fail "the server received nothing"

form=$(request form)
for name in ship captain; do
	[ "$(field $name)" = "$(told $name)" ] || fail "$name is '$(field $name)', not '$(told $name)'"
	echo "verified: $name is '$(field $name)', to the character"
done
case "$(told berth)" in
'South quay') berth=south ;;
*) fail "verify.sh does not know the value of '$(told berth)'" ;;
esac
[ "$(field berth)" = "$berth" ] || fail "berth is '$(field berth)', not '$berth'"
echo "verified: the list is at '$(told berth)' ($berth)"
[ "$(field water)" = yes ] || fail "the box is not checked"
echo "verified: the box is checked"
days=$(field days)
case $days in
6? | 7? | 8[0-5]) ;;
*) fail "the slider is at '$days', not between 60 and 85" ;;
esac
echo "verified: the slider was dragged to $days of 100"

# Three sides of a square, 150 wide and 90 high: down, right, up.
request stroke | tr -d '[]{}"' | sed 's/.*points://' | awk -F, '
	function near(value, wanted) { return value >= wanted - 12 && value <= wanted + 12 }
	{
		points = NF / 2
		for (i = 1; i < NF; i += 2) {
			x = $i; y = $(i + 1)
			if (i == 1 || x < left) left = x
			if (i == 1 || x > right) right = x
			if (i == 1 || y < top) top = y
			if (i == 1 || y > bottom) bottom = y
		}
		# In order: from the upper left to the upper right, by way of the bottom.
		ends = near($1, left) && near($2, top) && near($(NF - 1), right) && near($NF, top)
		if (points < 8 || !ends || !near(right - left, 150) || !near(bottom - top, 90)) {
			print "the stroke is not as drawn: " $0 > "/dev/stderr"
			exit 1
		}
		print "verified: a stroke of " points " points, " right - left " wide and " bottom - top " high, as drawn"
	}' || fail "the drawing"

scrolled=$(request accepted | sed 's/.*"scrolled":\([0-9]*\).*/\1/')
[ "$scrolled" -gt 800 ] || fail "the rules were accepted after scrolling $scrolled pixels only"
echo "verified: the rules were accepted at the end of the page, $scrolled pixels down"
request tide >/dev/null
echo "verified: the tide table was opened in its tab"
