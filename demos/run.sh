#!/usr/bin/env bash
# Runs a demo from nothing: installs what is missing, builds, starts a desktop and the stand-in model,
# lets `cua run` do the task, verifies from outside what came of it, and stops what it started.
#
#   demos/run.sh libreoffice|browser [--api API] [--watch] [--keep]
#
#   --api     what cua and the model speak: responses (as it is without), anthropic, gemini, chat
#   --watch   open a viewer on the desktop; without a display, tell how to watch from elsewhere
#   --keep    leave the desktop running afterwards
#
# Ends with status 0 only if everything was verified.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
cua=$build/bin/cua
standin=$build/bin/cua-standin

usage() {
	sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
	exit "$1"
}

demo=
api=responses
watch=
keep=
while [[ $# -gt 0 ]]; do
	argument=$1
	shift
	case $argument in
	--api)
		api=${1:?--api needs a name}
		shift
		;;
	libreoffice | browser) demo=$argument ;;
	--watch) watch=1 ;;
	--keep) keep=1 ;;
	--help | -h) usage 0 ;;
	*)
		echo "run.sh: unknown argument '$argument'" >&2
		usage 2 >&2
		;;
	esac
done
[[ -n $demo ]] || usage 2 >&2

case $demo in
libreoffice) script=$root/demos/libreoffice/letter.yaml ;;
browser) script=$root/demos/browser/form.yaml ;;
esac
name=demo-$demo-$$
out=$build/demos/$demo-$(date +%Y%m%d-%H%M%S)-$$

say() { printf '== %s\n' "$*"; }
die() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# --- what was started, and its end ---

desktop_started=
standin_pid=
viewer_pid=

cleanup() {
	local status=$?
	trap '' INT TERM
	if [[ -n $viewer_pid ]]; then
		kill "$viewer_pid" 2>/dev/null || true
	fi
	if [[ -n $standin_pid ]]; then
		kill "$standin_pid" 2>/dev/null || true
		wait "$standin_pid" 2>/dev/null || true
	fi
	if [[ -n $desktop_started && -n $keep ]]; then
		say "the desktop $name is still running; stop it with: $cua desktop stop $name"
	elif [[ -n $desktop_started ]]; then
		"$cua" desktop stop "$name" >/dev/null || true
	fi
	if [[ $status -ne 0 && -d $out ]]; then
		say "failed with status $status; what there is lies in $out"
	fi
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- install and build ---

# Runs a command quietly; shows what it said if it fails.
quietly() {
	local log=$build/demo-build.log
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "failed: $*"
	fi
}

install_and_build() {
	"$root/containers/install-deps.sh" run build demo
	mkdir -p "$build"
	if [[ ! -f $build/CMakeCache.txt ]]; then
		say "configuring in $build"
		# Tests need more packages than a demo does.
		quietly cmake -S "$root" -B "$build" -DCUA_TESTS=OFF
	fi
	[[ -x $cua && -x $standin ]] || say "building; this takes a minute the first time"
	quietly cmake --build "$build" --parallel --target cua cua-standin
}

# --- the desktop, the model, the site ---

start_standin() {
	local ready=$out/standin.ready line
	mkfifo "$ready"
	"$standin" --script "$script" >"$ready" 2>"$out/standin.log" &
	standin_pid=$!
	# The line comes when it listens; if it ends before, there is no line.
	IFS= read -r line <"$ready" || die "the stand-in did not start: $(cat "$out/standin.log")"
	rm -f "$ready"
	port=${line##*:}
}

inside() { "$cua" desktop exec -d "$name" -- "$@"; }

start_site() {
	say "serving the site inside the desktop"
	# shellcheck disable=SC2016 # expanded inside
	tar -C "$root/demos/browser" -c site | inside sh -c 'tar -x -C "$HOME"'
	# shellcheck disable=SC2016
	inside sh -c 'RECEIVED=$HOME/received.jsonl busybox httpd -p 127.0.0.1:8080 -h "$HOME/site" </dev/null >/dev/null 2>&1'
}

# A member of the JSON that `cua vnc --json` prints.
member() { sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p"; }

open_viewer() {
	if [[ -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
		say "there is no display here; to watch, type in another terminal:"
		printf '     %s vnc -d %s\n' "$cua" "$name"
		return
	fi
	local json socket address
	json=$("$cua" vnc -d "$name" --json)
	socket=$(member socket <<<"$json")
	address=$(member address <<<"$json")
	# In the environment, where no list of processes shows it.
	VNC_PASSWORD=$(member view_password <<<"$json") xtigervncviewer -ViewOnly -Shared \
		"${address:-$socket}" >"$out/viewer.log" 2>&1 &
	viewer_pid=$!
}

# --- what came of it ---

fetch() {
	local from=$1 to=$out/${1##*/}
	# shellcheck disable=SC2016 # expanded inside
	inside sh -c 'cat "$HOME/$1"' sh "$from" >"$to" || die "the desktop has no $from"
}

collect_and_verify() {
	case $demo in
	libreoffice)
		fetch Documents/letter.odt
		fetch Documents/letter.pdf
		saved=$out/letter.odt
		;;
	browser)
		fetch received.jsonl
		saved=$out/received.jsonl
		;;
	esac
	say "verifying from outside"
	CUA_STANDIN=$standin "$root/demos/$demo/verify.sh" "$out"
}

# --- the demo ---

install_and_build
mkdir -p "$out/runs"
say "starting the desktop $name"
"$cua" desktop start --name "$name" --json >"$out/desktop.json"
desktop_started=1
start_standin
if [[ $demo == browser ]]; then
	start_site
fi
if [[ -n $watch ]]; then
	open_viewer
fi
say "letting the model work"
CUA_API_KEY=standin-needs-none CUA_RUNS_DIR=$out/runs "$cua" run \
	--base-url "http://127.0.0.1:$port/v1" --api "$api" --model standin --desktop "$name" --max-steps 300 \
	"$("$standin" --script "$script" --print-task)"
collect_and_verify
runs=("$out/runs"/*)
hint="watch it next time with: demos/run.sh $demo --watch"
if [[ -n $keep ]]; then
	hint="watch with: $cua vnc -d $name"
fi
say "passed: $saved; run: ${runs[0]}; $hint"
