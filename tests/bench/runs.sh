#!/bin/sh
# cua bench runs: every topic prints well-formed figures, and nothing is left behind. Its times are
# not looked at. Other programs may be missing; then a note must say so.
#
#   runs.sh PROGRAM
set -eu
cua=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
chmod 711 "$work" # desktops that root starts are of other users
chmod 1777 "$work/tmp"
export TMPDIR="$work/tmp"

fail() {
	echo "bench/runs.sh: $*" >&2
	exit 1
}

"$cua" bench --quick --json >"$work/figures" || fail "cua bench ended with status $?"

# One object to a line, with all members, numbers in order, and a reason where there is no number.
jq -e -s 'length > 0 and all(.[];
	(.topic | type == "string" and . != "") and
	(.figure | type == "string" and . != "") and
	(.by | type == "string" and . != "") and
	(.unit | type == "string") and (.screen | type == "string") and
	(.width | type == "number") and (.height | type == "number") and
	(.runs | type == "number") and
	(if .runs == 0 then (.note | type == "string" and . != "") and .median == null
	 else (.median, .p95, .p99 | type == "number" and . >= 0) end) and
	(.machine | (.cpu, .kernel, .system | type == "string" and . != "") and
		.cores >= 1 and .memory_mb > 0 and .load_1m >= 0))' "$work/figures" >/dev/null ||
	fail "a figure is not well-formed: $(cat "$work/figures")"

# What must be there, and measured: "topic|figure|by|unit".
while IFS='|' read -r topic figure by unit; do
	jq -e -s --arg topic "$topic" --arg figure "$figure" --arg by "$by" --arg unit "$unit" 'any(.[];
		.topic == $topic and .figure == $figure and .by == $by and .unit == $unit and
		.runs > 0)' "$work/figures" >/dev/null || fail "no figure of $topic: $figure, by $by, $unit"
done <<'FIGURES'
seeing|whole screen changed|cua in process|ms
seeing|whole screen changed|cua in process|KB
seeing|whole screen changed|cua socket|ms
seeing|whole screen changed|libpng level 1|ms
seeing|whole screen changed, small|cua socket|KB
seeing|whole screen changed, JPEG|cua socket|ms
seeing|whole screen changed, WebP|cua socket|ms
seeing|200x50 changed|cua in process|ms
seeing|unchanged, by ETag|cua socket|ms
acting|a byte to a process that sleeps, and back|unix socket echo|ms
acting|click|until the X server has it|ms
acting|click|cua in process|ms
acting|click|cua socket|ms
acting|click, as a command|cua command|ms
typing|typed, ASCII|cua socket|characters/s
typing|typed, mixed|cua socket|characters/s
typing|typed, mixed|cua socket|wrong of 1000
vnc|200x50 changed, until a viewer has it|cua serve|ms
vnc|a key in a terminal, until a viewer shows it|cua serve|ms
vnc|a terminal that scrolls 30 times a second, updates|cua serve|updates/s
vnc|a terminal that scrolls 30 times a second, of one core|cua serve|%
vnc|a viewer of a still screen|cua serve|wake-ups/s
cost|start a desktop|until the first settled screenshot|ms
cost|start a desktop, from the pool|until cua desktop start returns|ms
serve|from the request for a run until it has begun|1 at once, with spare desktops|ms
serve|from an event of a run until who watches has read it|3 at once, without spare desktops|ms
settle|input to picture|cua|ms
settle|wrong pictures|cua|%
tools|bash, the command :|cua|ms
tools|bash, the command :|anew in bwrap|ms
tools|python, the line pass|cua|ms
tools|read_file, 8 KB|cua|ms
tools|write_file, 1 KB|cua|ms
tools|search, 200 files, without its program|cua|ms
tools|git status, 200 files, without its program|cua|ms
tools|an MCP call over stdio|cua|ms
loop|first streamed words, sent to shown|cua run|ms
loop|a step, without model and settling, 4 steps|responses|ms
loop|a step, without model and desktop, 4 steps|anthropic|ms
loop|processor time of cua run per step, 4 steps|gemini|ms
loop|speed, 4 steps|responses|steps/s
loop|speed, 4 steps|anthropic|steps/s
loop|speed, 4 steps|gemini|steps/s
loop|speed, 4 steps|chat|steps/s
cost|a desktop, idle|cua's processes|wake-ups/s
cost|a desktop, idle|cua's processes|MB
cost|a desktop, idle|held by this machine|desktops
FIGURES

# Programs beside ours: named, measured or said to be missing.
for by in scrot maim import 'ffmpeg x11grab' x11vnc; do
	jq -e -s --arg by "$by" 'any(.[]; .topic == "seeing" and .by == $by)' \
		"$work/figures" >/dev/null || fail "$by is not named"
done

for by in x11vnc Xtigervnc; do
	jq -e -s --arg by "$by" 'any(.[]; .topic == "vnc" and .by == $by)' \
		"$work/figures" >/dev/null || fail "$by is not named"
done

jq -e -s 'all(.[]; select(.unit == "wrong of 1000") | select(.by == "cua socket") |
	.median == 0)' "$work/figures" >/dev/null || fail 'characters went wrong'

# The three ways to print are of the same figures, and a stop leaves nothing.
"$cua" bench cost --quick --markdown >"$work/markdown"
grep -q '^| start a desktop, 640x480 | [0-9]' "$work/markdown" || fail 'no Markdown table'
"$cua" bench acting --runs=100000 --size=640x480 --json >"$work/stopped" 2>"$work/errors" &
bench=$!
tries=0
until ls -d "$TMPDIR"/cua-bench-*/run/desktops/* >/dev/null 2>&1 || [ $tries -gt 300 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
kill -TERM $bench
status=0
wait $bench || status=$?
[ "$status" -eq 130 ] || fail "a stopped run ended with status $status: $(cat "$work/errors")"
[ -z "$(ls -A "$TMPDIR")" ] || fail 'files are left behind'

"$cua" bench --runs=0 2>"$work/errors" && fail '0 runs were taken'
grep -q 'it must be 1 to 100000' "$work/errors" || fail 'the bound of --runs is not named'
"$cua" bench nothing 2>"$work/errors" && fail 'an unknown topic was taken'
grep -q 'no topic "nothing"' "$work/errors" || fail 'the topic is not named'
"$cua" bench --screens=nothing 2>"$work/errors" && fail 'an unknown screen was taken'
grep -q 'no screen "nothing"' "$work/errors" || fail 'the screen is not named'
