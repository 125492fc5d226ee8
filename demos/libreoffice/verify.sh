#!/bin/sh
# Checks from outside what the letter demo left: FOLDER/letter.odt and FOLDER/letter.pdf.
# What must be in them is taken from the script itself, so the two cannot drift apart.
#
#   demos/libreoffice/verify.sh FOLDER
#
# Prints a line for each thing it verified; ends with status 1 at the first that does not hold.
set -eu
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
standin=${CUA_STANDIN:-$here/../../build/bin/cua-standin}
folder=${1:?usage: verify.sh FOLDER}
script=$here/letter.yaml

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "NOT verified: $*" >&2
	exit 1
}
told() { "$standin" --script "$script" --print "$1"; }
# The prefixes of OpenDocument are fixed by habit only; names without them are enough here.
xpath() { xmllint --xpath "$1" "$work/content.xml" 2>/dev/null; }

[ -s "$folder/letter.odt" ] || fail "there is no letter.odt"
unzip -q -o "$folder/letter.odt" content.xml -d "$work" || fail "letter.odt is not a document"

# --- the text, to the character ---
body="//*[local-name()='text']/*[local-name()='h' or local-name()='p']"
told letter >"$work/expected"
lines=$(wc -l <"$work/expected")
i=0
: >"$work/found"
while [ "$i" -lt "$lines" ]; do
	i=$((i + 1))
	printf '%s\n' "$(xpath "string(($body)[$i])")" >>"$work/found"
done
cmp -s "$work/expected" "$work/found" || {
	diff -u "$work/expected" "$work/found" >&2 || true
	fail "the text of letter.odt differs from the script's"
}
rest=$(xpath "string(($body)[position() > $lines])")
[ -z "$rest" ] || fail "letter.odt holds more than was typed: $rest"
echo "verified: letter.odt holds the $(wc -m <"$work/expected") typed characters in $lines paragraphs, to the character"

# --- the heading ---
heading=$(told heading_style)
style=$(xpath "string(//*[local-name()='h'][1]/@*[local-name()='style-name'])")
parent=$(xpath "string(//*[local-name()='style'][@*[local-name()='name']='$style']/@*[local-name()='parent-style-name'])")
wanted=$(printf '%s' "$heading" | sed 's/ /_20_/g')
[ "$style" = "$wanted" ] || [ "$parent" = "$wanted" ] || fail "the first line has the style '$style', not $heading"
[ "$(xpath "string(//*[local-name()='h'][1])")" = "$(head -n 1 "$work/expected")" ] ||
	fail "the heading is not the first line"
[ "$(xpath "count(//*[local-name()='h'])")" = 1 ] || fail "there is more than one heading"
echo "verified: the first line, and no other, has the style $heading"

# --- the bold word ---
bold_styles="//*[local-name()='style'][*[local-name()='text-properties'][@*[local-name()='font-weight']='bold']]"
word=$(told bold)
spans="//*[local-name()='p']/*[local-name()='span'][@*[local-name()='style-name']=$bold_styles/@*[local-name()='name']]"
[ "$(xpath "count($spans)")" = 1 ] || fail "there are $(xpath "count($spans)") bold places, not one"
[ "$(xpath "string($spans)")" = "$word" ] || fail "'$(xpath "string($spans)")' is bold, not '$word'"
echo "verified: the word '$word', and no other, is bold"

# --- the table ---
told table | tr '\t' '\n' >"$work/cells"
echo >>"$work/cells"
cells="//*[local-name()='table']/*[local-name()='table-row']/*[local-name()='table-cell']"
i=0
while read -r cell; do
	i=$((i + 1))
	found=$(xpath "string(($cells)[$i])")
	[ "$found" = "$cell" ] || fail "cell $i of the table holds '$found', not '$cell'"
done <"$work/cells"
[ "$(xpath "count($cells)")" = "$i" ] || fail "the table has $(xpath "count($cells)") cells, not $i"
echo "verified: a table of $(xpath "count(//*[local-name()='table-row'])") rows with the $i typed cells"

# --- the PDF ---
[ -s "$folder/letter.pdf" ] || fail "there is no letter.pdf"
[ "$(head -c 5 "$folder/letter.pdf")" = '%PDF-' ] || fail "letter.pdf is not a PDF"
pdftotext -enc UTF-8 "$folder/letter.pdf" "$work/pdf.txt" || fail "letter.pdf cannot be read"
# Lines are wrapped elsewhere on the page, and glyphs of emoji fonts may map to more than one
# character: compare without spaces, and without what lies outside the basic plane.
flat() { LC_ALL=C sed 's/[\xf0-\xf4][\x80-\xbf]*//g' "$1" | tr -d ' \n\f\t'; }
want=$(flat "$work/expected")
have=$(flat "$work/pdf.txt")
case $have in
*"$want"*) ;;
*)
	printf 'wanted: %s\nfound:  %s\n' "$want" "$have" >&2
	fail "the text of letter.pdf differs"
	;;
esac
echo "verified: letter.pdf holds the same text, emoji aside"
