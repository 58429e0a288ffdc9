#!/usr/bin/env bash
# A video call from a chat, between two people on this machine, through a proxy that lets only port 80 out.
#
# usage: scripts/demo.sh [--seconds N] [--alice CLIP] [--bob CLIP] [--out FOLDER]
#
# Installs what is missing, builds, and then makes two networks of its own: an "office" in which alice and bob sit and
# from which nothing leads out but a squid, and a "world" with the server on port 80. Your own network is not touched.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

seconds=15
alice_clip=
bob_clip=
out=$root/demo-out
inside=no

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --alice) alice_clip=$(realpath "${2:?--alice needs a file}"); shift 2 ;;
        --bob) bob_clip=$(realpath "${2:?--bob needs a file}"); shift 2 ;;
        --out) out=$(realpath -m "${2:?--out needs a folder}"); shift 2 ;;
        --inside) inside=yes; shift ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) fail "unknown argument $1 (see --help)" ;;
    esac
done

readonly SERVER=10.99.0.2 PROXY=10.98.0.1:3128 GATE=10.98.0.1 DESK=10.98.0.2

# ---- outside: install, build, make the clips, go in -------------------------------------------------------------

prepare() {
    scripts/prerequisites.sh build
    export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:/usr/sbin:$PATH"
    say "Building (the first time takes some minutes)"
    cargo build --release --bins --locked
    target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    rm -rf "$out"
    mkdir -p "$out"
    [ -n "$alice_clip" ] || alice_clip=$(make_clip alice "testsrc2=size=1280x720:rate=30" 440)
    [ -n "$bob_clip" ] || bob_clip=$(make_clip bob "mandelbrot=size=640x360:rate=30" 660)
}

make_clip() { # name picture tone -> path of an MP4 with H.264 and AAC
    local clip=$out/$1-camera.mp4
    ffmpeg -v error -y -f lavfi -i "$2" -f lavfi -i "sine=frequency=$3:sample_rate=48000" -t 10 \
        -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -b:a 96k "$clip"
    printf '%s\n' "$clip"
}

go_inside() {
    local -a into
    if [ "$(id -u)" -eq 0 ]; then
        into=(unshare --net --mount)
    else
        into=(unshare --user --map-root-user --net --mount)
    fi
    "${into[@]}" true 2>/dev/null || fail "this machine allows no network namespace: run as root, or allow user namespaces
(Ubuntu 24.04: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
    KOMADO_DEMO_BIN="$target/release" "${into[@]}" -- "$root/scripts/demo.sh" --inside \
        --seconds "$seconds" --alice "$alice_clip" --bob "$bob_clip" --out "$out"
}

# ---- inside: two networks, server, proxy, call -------------------------------------------------------------------

started=()
in_office=()
squid_folder=

cleanup() {
    local status=$? pid
    trap - EXIT
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ -n "$squid_folder" ]; then
        cp "$squid_folder"/*.log "$out/" 2>/dev/null || true
        rm -rf "$squid_folder" /dev/shm/"komadodemo$$"-*
    fi
    if [ "$status" -ne 0 ]; then printf '\nThe demo did not finish; the logs are in %s\n' "$out" >&2; fi
    exit "$status"
}

# until_true seconds "what" command...: waits until the command succeeds.
until_true() {
    local limit=$1 what=$2 begin=$SECONDS
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $((SECONDS - begin)) -lt "$limit" ] || fail "waited $limit s for $what in vain (logs in $out)"
        sleep 0.1
    done
}

answers() { (exec 3<>"/dev/tcp/$1/$2"); }

make_networks() {
    # This namespace is the world: the server's address lives on its loopback.
    ip link set lo up
    ip addr add "$SERVER/32" dev lo
    echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
    # The office is a namespace held open by a sleeping process, joined to the world by one cable and without a route.
    unshare --net -- sleep infinity &
    local holder=$!
    started+=("$holder")
    until_true 5 "the office" test "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$holder/ns/net")"
    ip link add gate type veth peer name desk netns "$holder"
    ip addr add "$GATE/24" dev gate
    ip link set gate up
    in_office=(nsenter --target "$holder" --net --)
    "${in_office[@]}" ip link set lo up
    "${in_office[@]}" ip addr add "$DESK/24" dev desk
    "${in_office[@]}" ip link set desk up
    # A router would forward; the gate does not: only squid, which stands on both sides, leads out.
    echo 0 >/proc/sys/net/ipv4/ip_forward
}

start_proxy() {
    # Not below $out: that may lie in a home that squid's user cannot enter.
    squid_folder=$(mktemp -d /tmp/komado-demo-squid.XXXXXX)
    local folder=$squid_folder
    cat >"$folder/squid.conf" <<CONF
http_port $PROXY
acl web port 80
http_access deny !web
http_access deny CONNECT
http_access allow all
cache deny all
via off
forwarded_for delete
pid_filename none
access_log stdio:$folder/squid-access.log
buffered_logs off
cache_log $folder/squid-cache.log
coredump_dir $folder
pinger_enable off
netdb_filename none
shutdown_lifetime 1 second
max_filedescriptors 4096
visible_hostname office-proxy
CONF
    # squid does not run as root: it runs as nobody, or as somebody in a user namespace that knows only root.
    local -a as_somebody=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
    if chown -R 65534:65534 "$folder" 2>/dev/null; then
        chmod 755 "$folder"
    else
        as_somebody=(unshare --user --map-user=1000 --map-group=1000 --)
    fi
    "${as_somebody[@]}" "$(command -v squid)" -N -n "komadodemo$$" -f "$folder/squid.conf" >"$folder/squid-output.log" 2>&1 &
    started+=("$!")
    until_true 20 "squid" answers "${PROXY%:*}" "${PROXY#*:}"
}

start_server() {
    "$bin/komado-server" serve --listen "$SERVER:80" --data "$out/server-data" >"$out/server.log" 2>&1 &
    started+=("$!")
    until_true 20 "komado-server" answers "$SERVER" 80
}

# ---- the play ----------------------------------------------------------------------------------------------------

run_inside() {
    bin=${KOMADO_DEMO_BIN:?}
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    say "Making the office, the world, and the gate between them"
    make_networks
    start_proxy
    start_server
    until_true 10 "the way through the proxy" in_office_get "http://$SERVER/v1/health"
    prove_the_walls
    fail "the call itself is not here yet"
}

in_office_get() { "${in_office[@]}" curl -sf --proxy "http://$PROXY" "$1"; }

# What the path refuses, shown before it is used.
prove_the_walls() {
    if "${in_office[@]}" curl -s --noproxy '*' --max-time 2 "http://$SERVER/v1/health" >/dev/null; then
        fail "the office reaches the server without the proxy: this demo would prove nothing"
    fi
    if "${in_office[@]}" curl -s --max-time 5 --proxytunnel --proxy "http://$PROXY" "http://$SERVER/" >/dev/null; then
        fail "the proxy allows CONNECT: this demo would prove nothing"
    fi
    echo "  directly: unreachable; CONNECT: refused; port 443: $("${in_office[@]}" curl -s -o /dev/null \
        -w '%{http_code}' --max-time 5 --proxy "http://$PROXY" "http://$SERVER:443/") from the proxy"
}

if [ "$inside" = yes ]; then
    run_inside
else
    prepare
    go_inside
fi
