#!/bin/sh
# Installs the programs that cua bench measures beside cua, where they are missing: Debian 12 packages.
# Run as root or by a user with sudo.
set -eu

peers='scrot maim imagemagick ffmpeg xdotool x11vnc'

missing=
for package in $peers; do
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = 'ii ' ] ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-peers.sh: missing packages:$missing" >&2
		echo "install-peers.sh: run this as root, or install sudo" >&2
		exit 1
	fi
	as_root='sudo'
fi

echo "installing:$missing" >&2
install() {
	# shellcheck disable=SC2086 # the lists are words on purpose
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >&2
}
# The package lists may be absent or old: refresh them and try once more before giving up.
install install -y --no-install-recommends $missing ||
	{ install update && install install -y --no-install-recommends $missing; }
