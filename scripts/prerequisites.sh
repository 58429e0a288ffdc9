#!/usr/bin/env bash
# Installs what a bare Debian or Ubuntu lacks: `prerequisites.sh build` for building and the demo, `windows` for the demo
# with windows as well, `tests` for all tests.
# Does nothing, and needs no rights, when everything is there. Sourced by nobody: run it.
set -euo pipefail

readonly RUST_NEEDED=1.95

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# command or file that proves it => package
build_needs() {
    cat <<'LIST'
cc                                  build-essential
g++                                 build-essential
make                                build-essential
pkg-config                          pkg-config
cmake                               cmake
nasm                                nasm
/usr/include/alsa/asoundlib.h       libasound2-dev
/usr/lib/llvm-*/lib/libclang.so     libclang-dev
curl                                curl
/etc/ssl/certs/ca-certificates.crt  ca-certificates
LIST
}

demo_needs() {
    cat <<'LIST'
squid                               squid
ip                                  iproute2
unshare                             util-linux
setpriv                             util-linux
ffprobe                             ffmpeg
jq                                  jq
LIST
}

window_needs() {
    cat <<'LIST'
/usr/share/vulkan/icd.d/*.json      mesa-vulkan-drivers
/usr/lib/*/libvulkan.so.1           libvulkan1
/usr/lib/*/libxkbcommon-x11.so.0    libxkbcommon-x11-0
/usr/lib/*/libX11-xcb.so.1          libx11-xcb1
/usr/lib/*/libXcursor.so.1          libxcursor1
/usr/lib/*/libXi.so.6               libxi6
/usr/lib/*/libXrandr.so.2           libxrandr2
/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc  fonts-noto-cjk
LIST
}

test_needs() {
    cat <<'LIST'
tinyproxy                           tinyproxy-bin
privoxy                             privoxy
nginx                               nginx-light
haproxy                             haproxy
openssl                             openssl
git                                 git
Xvfb                                xvfb
openbox                             openbox
xdotool                             xdotool
xprop                               x11-utils
dbus-daemon                         dbus-daemon
gnome-keyring-daemon                gnome-keyring
import                              imagemagick
/usr/share/vulkan/icd.d/lvp_icd*    mesa-vulkan-drivers
pulseaudio                          pulseaudio
pactl                               pulseaudio-utils
python3                             python3
/usr/lib/postgresql/*/bin/initdb    postgresql
LIST
}

is_there() {
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] ;;
    esac
}

missing_packages() {
    local proof package
    while read -r proof package; do
        is_there "$proof" || printf '%s\n' "$package"
    done | sort -u
}

install_packages() {
    local -a packages as_root=()
    mapfile -t packages
    if [ "${#packages[@]}" -eq 0 ]; then return; fi
    command -v apt-get >/dev/null || fail "this is no Debian or Ubuntu; please install by hand: ${packages[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run as root, or install by hand: apt-get install ${packages[*]}"
        as_root=(sudo)
    fi
    say "Installing ${packages[*]}"
    # Debian starts services on installation; those that tests use are started by the tests alone.
    local policy=/usr/sbin/policy-rc.d made_policy=no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        made_policy=yes
    fi
    local status=0
    "${as_root[@]}" apt-get update -qq || status=$?
    if [ "$status" -eq 0 ]; then
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${packages[@]}" || status=$?
    fi
    if [ "$made_policy" = yes ]; then "${as_root[@]}" rm -f "$policy"; fi
    [ "$status" -eq 0 ] || fail "apt-get could not install ${packages[*]} (see above)"
}

rust_is_new_enough() {
    command -v cargo >/dev/null || return 1
    local version
    version=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n%s\n' "$RUST_NEEDED" "$version" | sort -V | head -n1)" = "$RUST_NEEDED" ]
}

install_rust() {
    export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    if rust_is_new_enough; then return; fi
    if command -v rustup >/dev/null; then
        say "Updating Rust"
        rustup toolchain install stable --profile minimal --component rustfmt,clippy
        rustup default stable
    else
        say "Installing Rust with rustup"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y --profile minimal --component rustfmt,clippy
    fi
    rust_is_new_enough || fail "Rust $RUST_NEEDED or newer is needed, found $(rustc --version || echo none)"
}

case ${1:-} in
    build) { build_needs; demo_needs; } | missing_packages | install_packages ;;
    windows) { build_needs; demo_needs; window_needs; } | missing_packages | install_packages ;;
    tests) { build_needs; demo_needs; window_needs; test_needs; } | missing_packages | install_packages ;;
    *) fail "usage: $0 build|windows|tests" ;;
esac
install_rust
