#!/usr/bin/env bash
# A video call from a chat, between two people on this machine, through a proxy that lets only port 80 out: with a
# window for each of them where there is a display, else (or with --headless) without, for N seconds.
#
# usage: scripts/demo.sh [--windows | --headless] [--seconds N] [--alice CLIP] [--bob CLIP] [--out FOLDER]
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
windows=no
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then windows=yes; fi

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --alice) alice_clip=$(realpath "${2:?--alice needs a file}"); shift 2 ;;
        --bob) bob_clip=$(realpath "${2:?--bob needs a file}"); shift 2 ;;
        --out) out=$(realpath -m "${2:?--out needs a folder}"); shift 2 ;;
        --windows) windows=yes; shift ;;
        --headless) windows=no; shift ;;
        --inside) inside=yes; shift ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) fail "unknown argument $1 (see --help)" ;;
    esac
done

readonly SERVER=10.99.0.2 PROXY=10.98.0.1:3128 GATE=10.98.0.1 DESK=10.98.0.2

# ---- outside: install, build, make the clips, go in -------------------------------------------------------------

prepare() {
    if [ "$windows" = yes ]; then
        [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || fail "there is no display to open windows on: leave out --windows"
        scripts/prerequisites.sh windows
    else
        scripts/prerequisites.sh build
    fi
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
    local -a into more=(--headless)
    if [ "$windows" = yes ]; then more=(--windows); fi
    if [ "$(id -u)" -eq 0 ]; then
        into=(unshare --net --mount)
    else
        into=(unshare --user --map-root-user --net --mount)
    fi
    "${into[@]}" true 2>/dev/null || fail "this machine allows no network namespace: run as root, or allow user namespaces
(Ubuntu 24.04: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
    KOMADO_DEMO_BIN="$target/release" "${into[@]}" -- "$root/scripts/demo.sh" --inside \
        --seconds "$seconds" --alice "$alice_clip" --bob "$bob_clip" --out "$out" "${more[@]}"
}

# ---- inside: two networks, server, proxy, call -------------------------------------------------------------------

started=()
in_office=()
squid_folder=
fingerprint=

cleanup() {
    local status=$? pid
    trap - EXIT
    exec 8>&- 9>&-
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
    until "$@"; do
        [ $((SECONDS - begin)) -lt "$limit" ] || fail "waited $limit s for $what in vain (logs in $out)"
        sleep 0.1
    done
}

answers() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

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
    add_people
    if [ "$windows" = yes ]; then
        show_windows
        return
    fi
    say "Chat: alice writes to bob, bob answers"
    start_client bob "$bob_clip" --answer
    until_true 30 "bob's login" seen bob '.event == "logged_in"'
    start_client alice "$alice_clip" --with bob --say "Are you there? I have no way out but the web." \
        --hang-up-after "$seconds"
    until_true 30 "alice's line at bob's" seen bob '.event == "message" and .message.from.name == "alice"'
    tell bob "say $(first bob '.event == "message"' .chat) Neither have I. Call me!"
    until_true 30 "bob's answer at alice's" seen alice '.event == "message" and .message.from.name == "bob"'
    say "Call: alice calls bob from that chat, for $seconds s"
    tell alice "call $(first alice '.event == "chat_opened"' .chat.id)"
    until_true 45 "bob's acceptance" seen alice '.event == "call_accepted"'
    watch_the_call
    until_true 30 "the end of both clients" both_ended
    check_results
    summary | tee "$out/summary.txt"
}

# Two windows, one docked at each edge, in a call with each other, until both are closed.
show_windows() {
    say "Contacts: alice asks, bob accepts"
    start_client bob "$bob_clip" --accept-contacts
    until_true 30 "bob's login" seen bob '.event == "logged_in"'
    start_client alice "$alice_clip"
    until_true 30 "alice's login" seen alice '.event == "logged_in"'
    tell alice "contact add bob"
    until_true 30 "a new contact" seen alice '.event == "contact_added"'
    tell alice quit
    tell bob quit
    until_true 30 "the end of both clients" both_ended
    say "Windows: alice (left) calls bob (right), who accepts; they are yours now. Close both to end."
    open_window bob "$bob_clip" right --answer
    until_true 30 "bob's window" test -s "$out/bob-window-home/session.toml"
    open_window alice "$alice_clip" left --with bob --call
    wait "${clients[alice]}" "${clients[bob]}"
}

open_window() { # name clip edge arguments...
    local name=$1 clip=$2 edge=$3 home=$out/$1-window-home
    shift 3
    mkdir -p "$home"
    printf 'dock = "%s"\n' "$edge" >"$home/window.toml"
    "${in_office[@]}" "$bin/komado" --server "http://$SERVER" --proxy "http://$PROXY" --fingerprint "$fingerprint" \
        --user "$name" --password-file "$out/$name.password" --home "$home" --no-keyring --camera "$clip" "$@" \
        >"$out/$name-window.log" 2>&1 &
    clients[$name]=$!
    started+=("$!")
}

add_people() {
    local name
    for name in alice bob; do
        (umask 077; head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$out/$name.password")
        "$bin/komado-server" user add "$name" --password-file "$out/$name.password" --data "$out/server-data" >>"$out/server.log"
    done
    # Whoever invites someone sends this along: it proves the server, whatever stands on the way.
    fingerprint=$("$bin/komado-server" fingerprint --data "$out/server-data")
}

declare -A clients=()

start_client() { # name clip arguments...
    local name=$1 clip=$2
    shift 2
    mkfifo "$out/$name.commands"
    "${in_office[@]}" "$bin/komado" --headless --server "http://$SERVER" --proxy "http://$PROXY" \
        --fingerprint "$fingerprint" --user "$name" --password-file "$out/$name.password" --device desk \
        --home "$out/$name-home" --camera "$clip" --snapshots "$out/$name-saw" --record "$out/$name-received.mkv" \
        --speaker "$out/$name-heard.wav" --quit-after-call --quit-after $((seconds + 120)) "$@" \
        <"$out/$name.commands" >"$out/$name.jsonl" 2>"$out/$name.log" &
    clients[$name]=$!
    started+=("$!")
    # Opening for writing waits for the reader; kept open, so that the client's input does not end.
    case $name in
        alice) exec 8>"$out/$name.commands" ;;
        *) exec 9>"$out/$name.commands" ;;
    esac
}

tell() { # name line
    case $1 in
        alice) printf '%s\n' "$2" >&8 ;;
        *) printf '%s\n' "$2" >&9 ;;
    esac
}

# Whether an event that the jq condition holds for has come; a client that ended early ends the waiting.
seen() {
    kill -0 "${clients[$1]}" 2>/dev/null || fail "$1's client ended: $(tail -n3 "$out/$1.log")"
    [ -n "$(jq -c "select($2)" "$out/$1.jsonl" 2>/dev/null | head -n1)" ]
}

first() { jq -r "select($2) | $3" "$out/$1.jsonl" 2>/dev/null | head -n1; }

# A client may be in the middle of its last line: that one is left out.
last() { jq -c "select($2)" "$out/$1.jsonl" 2>/dev/null | tail -n1 | jq -r "$3"; }

both_ended() {
    ! kill -0 "${clients[alice]}" 2>/dev/null && ! kill -0 "${clients[bob]}" 2>/dev/null
}

watch_the_call() {
    local begin=$SECONDS
    while [ $((SECONDS - begin)) -lt "$seconds" ]; do
        sleep 1
        if [ -t 1 ]; then
            printf '\r  %2d s, bob has seen %s pictures ' $((SECONDS - begin)) \
                "$(last bob '.event == "call_report"' .report.video.shown)"
        fi
    done
    [ ! -t 1 ] || printf '\r\033[K'
}

check_results() {
    local name
    for name in alice bob; do
        seen_after "$name" '.event == "call_ended"' || fail "$name's call did not end as it should"
        [ "$(last "$name" '.event == "call_report"' .report.video.shown)" -gt 0 ] || fail "$name has seen nothing"
        ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$out/$name-received.mkv" >"$out/$name-streams.txt" ||
            fail "ffprobe does not accept what $name recorded"
    done
}

seen_after() { [ -n "$(jq -c "select($2)" "$out/$1.jsonl" | head -n1)" ]; }

summary() {
    local name far
    echo
    say "What you have just seen"
    cat <<TEXT
alice and bob sit in an office. Nothing leads out of it but a web proxy (squid at $PROXY) that lets
only port 80 out and refuses CONNECT. They chatted, and alice called bob from that chat: $seconds s of picture and
sound both ways, every byte of it as ordinary HTTP/1.1 GET and POST requests to http://$SERVER.
TEXT
    for name in alice bob; do
        [ "$name" = alice ] && far=bob || far=alice
        echo
        say "$name, watching $far"
        last "$name" '.event == "path"' '"  path      through \(.path.proxy // "no proxy"): up \(.path.up), down \(.path.down) exchanges"'
        last "$name" '.event == "call_report"' '.report |
            "  pictures  \(.video.received) received, \(.video.shown) shown, \(.video.dropped) dropped; \(.video.width)×\(.video.height), \(.video.received_kbps | round) kb/s; freezes: \(.video.freezes)\n" +
            "  delay     video p50 \(.video.delay_ms.p50 | round) ms, p95 \(.video.delay_ms.p95 | round) ms (camera to decoded)\n" +
            "            sound p50 \(.audio.delay_ms.p50 | round) ms, p95 \(.audio.delay_ms.p95 | round) ms (mouth to ear)\n" +
            "  sent      \(.video.sent) pictures of \(.video.sent_width)×\(.video.sent_height), \(.video.sent_kbps | round) kb/s; \(.dropped_unsent) frames dropped unsent"'
        echo "  look at   $out/$name-saw/ (snapshots), $out/$name-received.mkv ($(paste -sd+ "$out/$name-streams.txt"), as it came)"
    done
    echo
    say "What the proxy saw"
    awk '$4 !~ /\/4/ { n[$6]++; bytes += $5 } $4 ~ /\/4/ { refused++ } END {
        printf "  %d POST and %d GET requests to port 80, %.1f MB in answers", n["POST"], n["GET"], bytes / 1e6
        printf "; it refused %d (CONNECT and port 443, tried to show that it does)\n", refused }' \
        "$squid_folder/squid-access.log"
    echo "  Its log: $out/squid-access.log. Inside the bodies everything is sealed: see README.md, \"The path\"."
}

in_office_get() { "${in_office[@]}" curl -sf --proxy "http://$PROXY" "$1" >/dev/null; }

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
