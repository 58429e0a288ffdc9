#!/usr/bin/env bash
# Installs what the tests need, then runs every check and every test. `--soak` adds the long ones; `--soak 10` lets two
# windows call, chat and idle for 10 minutes instead of an hour.
#
# Network tests need root, or user namespaces (`unshare -Urnm`), which this script uses when it is not root.
set -euo pipefail
cd "$(dirname "$0")/.."

soak=no
while [ $# -gt 0 ]; do
    case $1 in
        --soak)
            soak=yes
            if [[ ${2:-} =~ ^[0-9]+$ ]]; then
                export KOMADO_SOAK_MINUTES=$2
                shift
            fi
            ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "error: unknown argument $1; usage: scripts/test.sh [--soak [MINUTES]]" >&2; exit 2 ;;
    esac
    shift
done

timings=()

# step "Name" command...: runs it, says how long it took, stops at the first failure.
step() {
    local name=$1 begin=$SECONDS
    shift
    printf '\n\033[1m== %s\033[0m\n' "$name"
    if ! "$@"; then
        printf '\n\033[31mFAILED: %s\033[0m (%s)\n' "$name" "$*" >&2
        exit 1
    fi
    timings+=("$(printf '%5d s  %s' $((SECONDS - begin)) "$name")")
}

# in_own_network command...: as it is for root, inside a user and network namespace for anybody else.
in_own_network() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif unshare -Urnm true 2>/dev/null; then
        [ -w /dev/net/tun ] || echo "note: /dev/net/tun is not writable; link tests will say so" >&2
        unshare -Urnm -- "$@"
    else
        echo "error: the network tests need root, or user namespaces: run 'sudo scripts/test.sh'," >&2
        echo "or allow them with 'sysctl kernel.apparmor_restrict_unprivileged_userns=0' (Ubuntu 24.04)" >&2
        return 1
    fi
}

check_dependencies() {
    if cargo deny --version >/dev/null 2>&1; then
        cargo deny --offline check licenses bans sources
    else
        echo "skipped: cargo-deny is not installed ('cargo install cargo-deny --locked', some minutes)"
    fi
}

check_scripts() {
    if command -v shellcheck >/dev/null; then
        shellcheck scripts/*.sh .ci/run
    else
        echo "skipped: shellcheck is not installed (Debian package shellcheck)"
    fi
}

run_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --no-run
        in_own_network cargo nextest run --workspace --offline --no-fail-fast "$@"
    else
        cargo test --workspace --tests --lib --bins --no-run
        in_own_network cargo test --workspace --tests --lib --bins --offline --no-fail-fast
    fi
}

run_soak() {
    if cargo nextest --version >/dev/null 2>&1; then
        in_own_network cargo nextest run --workspace --offline --no-fail-fast --run-ignored only
    else
        in_own_network cargo test --workspace --tests --lib --offline --no-fail-fast -- --ignored
    fi
}

step "Prerequisites" scripts/prerequisites.sh tests
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:/usr/sbin:$PATH"
step "Dependencies are here" cargo fetch --locked
step "Format" cargo fmt --all --check
step "Scripts" check_scripts
step "Clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
step "Licences, bans, sources" check_dependencies
step "Build" cargo build --workspace --bins --locked
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
export KOMADO_BIN_DIR="$target/debug"
step "Tests" run_tests
step "Examples in the documentation" cargo test --workspace --doc --locked
if [ "$soak" = yes ]; then step "Long tests" run_soak; fi

printf '\n\033[1mAll passed.\033[0m\n'
printf '%s\n' "${timings[@]}"
