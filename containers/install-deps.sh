#!/bin/sh
# The one list of Debian 12 packages that cua needs: to build, to run, to test.
# Used by demos/run.sh, tests/run.sh, CI and the container image. Run as root or by a user with sudo.
#
#   containers/install-deps.sh [run|build|web|test|demo|peers]...   default: all but peers
#
# Installs only what is missing and is silent and quick when nothing is.
set -eu

# What a desktop needs to live. Text recognition reads English; for other languages install theirs beside it, such as
# tesseract-ocr-deu or tesseract-ocr-chi-sim: what is installed is read, or what an action names as lang.
run='at-spi2-core tesseract-ocr tesseract-ocr-eng xvfb xkb-data x11-xkb-utils openbox dbus bubblewrap xauth
	fonts-dejavu-core fonts-liberation2 fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
	libx11-6 libx11-xcb1 libxtst6 libxi6 libxext6 libxdamage1 libxfixes3 libxrandr2 libxcb-shm0 libxcb-damage0 libxcb-res0 libxkbcommon0
	libisal2 libpng16-16 libdeflate0 libwebp7 libwebpmux3 libzimg2 libpixman-1-0 libcurl4 libsqlite3-0 libcjson1 libuv1 libwebsockets17 libwebsockets-evlib-uv
	bash python3 python3-pil python3-venv ripgrep git poppler-utils
	libvncserver1 libvncclient1 libturbojpeg0 libbsd0 libsodium23 libseccomp2 libslirp0 libyaml-0-2 libidn2-0 libpcre2-8-0 shared-mime-info desktop-file-utils ca-certificates'

# What the sources are compiled with.
build='gcc clang cmake make pkg-config
	libx11-dev libx11-xcb-dev libxtst-dev libxi-dev libxext-dev libxdamage-dev libxfixes-dev libxrandr-dev
	libxcb1-dev libxcb-shm0-dev libxcb-damage0-dev libxcb-res0-dev libxkbcommon-dev libisal-dev libdeflate-dev libwebp-dev libzimg-dev zlib1g-dev
	libpng-dev libpixman-1-dev
	libcurl4-openssl-dev libarchive-dev libsqlite3-dev libssl-dev libcjson-dev libuv1-dev libwebsockets-dev libvncserver-dev libsodium-dev libbsd-dev
	libseccomp-dev libslirp-dev libhttp-parser-dev libglib2.0-dev libtesseract-dev libleptonica-dev libyaml-dev libidn2-dev libpcre2-dev libturbojpeg0-dev libatspi2.0-dev'

# What the demos put on the screen, and what they check it with.
demo='libreoffice-writer libreoffice-gtk3 chromium chromium-sandbox xterm busybox
	unzip libxml2-utils tigervnc-viewer'

# What only the tests need.
test='libreoffice-calc mousepad featherpad xclip pcmanfm libcmocka-dev libxrender-dev clang-format clang-tidy libclang-rt-14-dev llvm-14 procps iproute2 x11-utils x11-xserver-utils jq curl sudo'

# Node builds the page of cua serve, and runs the vendors' SDKs against the stand-in model. It often
# comes from elsewhere than Debian.
web=
command -v npm >/dev/null || web='nodejs npm'
test="$test $web"

# What cua bench measures beside cua; nothing needs it, and no default installs it.
peers='scrot maim imagemagick ffmpeg xdotool x11vnc tigervnc-standalone-server'

wanted=
for group in "${@:-all}"; do
	case $group in
	all) wanted="$run $build $web $demo $test" ;;
	run) wanted="$wanted $run" ;;
	build) wanted="$wanted $build" ;;
	web) wanted="$wanted $web" ;;
	demo) wanted="$wanted $demo" ;;
	test) wanted="$wanted $test" ;;
	peers) wanted="$wanted $peers" ;;
	*)
		echo "install-deps.sh: unknown group '$group'; use run, build, web, demo, test or peers" >&2
		exit 2
		;;
	esac
done

missing=
for package in $wanted; do
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = 'ii ' ] ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-deps.sh: missing packages:$missing" >&2
		echo "install-deps.sh: run this as root, or install sudo" >&2
		exit 1
	fi
	as_root='sudo'
fi

echo "installing:$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
	# shellcheck disable=SC2086 # the lists are words on purpose
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1
}
# The package lists may be absent or old: refresh them and try once more before giving up.
if ! install install -y --no-install-recommends $missing; then
	if ! { install update && install install -y --no-install-recommends $missing; }; then
		echo "install-deps.sh: apt-get could not install the packages:" >&2
		tail -n 20 "$log" >&2
		exit 1
	fi
fi
