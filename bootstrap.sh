#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh checkout to a running agent, or to a test result, in one command. Each verb can be run again.
set -eu

usage() {
    cat <<'TEXT'
Usage: ./bootstrap.sh VERB

  run [--keep]   install what the build needs, build, start an agent on conf.d/demo, let a job fail,
                 show the mail and the webhook that told of it; --keep leaves the agent running
  check          install what the tests need, build with sanitizers, run every test
  build          install what the build needs, build in build/
  deps [check]   only install what the build (or the tests) need

The packages are Debian's. As root they are installed if they are missing; otherwise the command to do
so is printed. All that is made is below build*/, in what autotools writes, and, while it runs, in a temporary folder.
TEXT
}

# ---- What is needed, by verb -----------------------------------------------------------------------------------------------
BUILD_PACKAGES="gcc libc6-dev make autoconf automake libtool pkg-config libevent-dev libcurl4-openssl-dev libyaml-dev
    libssl-dev libltdl-dev libsqlite3-dev libjansson-dev uthash-dev"
RUN_PACKAGES="python3 python3-aiosmtpd"
CHECK_PACKAGES="libcmocka-dev openssl python3 python3-pytest python3-aiosmtpd curl strace exim4-daemon-light"

top=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$top"
umask 022 # the agent loads no plugin that a group may write
jobs=$(nproc 2>/dev/null || echo 2)
# The one that the packages' modules belong to, whatever PATH says.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

say() { printf '%s\n' "$*"; }
step() { printf '\n==> %s\n' "$*"; }
die() {
    printf 'bootstrap.sh: %s\n' "$*" >&2
    exit 1
}

# ---- deps ------------------------------------------------------------------------------------------------------------------
missing() {
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
    done
}

need() {
    command -v dpkg-query >/dev/null || {
        say "This is not Debian: see to it that the counterparts of these are installed: $*"
        return 0
    }
    lacking=$(missing "$@")
    [ -n "$lacking" ] || return 0
    [ "$(id -u)" -eq 0 ] || die "these packages are missing; as root: apt-get install --no-install-recommends $lacking"
    step "Installing $lacking"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove $lacking >/dev/null ||
        die "the packages could not be installed"
}

# shellcheck disable=SC2086 # lists of words
deps() {
    case $1 in
    build) need $BUILD_PACKAGES ;;
    run) need $BUILD_PACKAGES $RUN_PACKAGES ;;
    check) need $BUILD_PACKAGES $CHECK_PACKAGES ;;
    *) die "deps: '$1' is not build, run or check" ;;
    esac
}

# ---- build -----------------------------------------------------------------------------------------------------------------
generate() {
    stale=$(find . -path './build*' -prune -o \( -name configure.ac -o -name Makefile.am -o -name local.mk \) -newer configure \
        -print 2>/dev/null | head -n 1)
    [ -x configure ] && [ -z "$stale" ] && return 0
    step "Generating configure"
    mkdir -p build-aux/m4
    autoreconf -fi >build-aux/autoreconf.log 2>&1 || {
        cat build-aux/autoreconf.log >&2
        die "autoreconf failed"
    }
    touch configure
}

# build_in FOLDER [CONFIGURE ARGUMENT]…
build_in() {
    folder=$1
    shift
    generate
    mkdir -p "$folder"
    if [ ! -f "$folder/config.status" ] || [ -n "$(find configure -newer "$folder/config.status")" ]; then
        step "Configuring $folder"
        # kept back unless it matters: configure complains that it cannot remove a core file when it meets core/
        (cd "$folder" && ../configure --quiet "$@" 2>configure.err) || {
            cat "$folder/configure.err" >&2
            die "configure failed; $folder/config.log says more"
        }
    fi
    step "Building in $folder"
    make -C "$folder" -j "$jobs" --no-print-directory
}

# ---- run -------------------------------------------------------------------------------------------------------------------
demo_pids=
demo_folder=
end_demo() {
    for pid in $demo_pids; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    [ -z "$demo_folder" ] || rm -rf "$demo_folder"
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds
wait_for() {
    tries=$(($1 * 10)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            tail -n 20 "$demo_folder"/*.log >&2
            die "$what did not come"
        }
        sleep 0.1
    done
}

start_receivers() {
    "$python" conf.d/demo/receivers.py "$demo_folder" >"$demo_folder/receivers.log" 2>&1 &
    demo_pids="$! $demo_pids"
    wait_for 15 "the demo's receivers" test -s "$demo_folder/ports"
    # shellcheck disable=SC1091 # made a moment ago
    . "$demo_folder/ports"
    export BELFRY_DEMO_SMTP_PORT BELFRY_DEMO_WEBHOOK_PORT
}

# The agent trusts only files that nobody but its user or root can write: its own copies, wherever the checkout is.
start_agent() {
    mkdir "$demo_folder/conf.d" "$demo_folder/plugins"
    cp conf.d/demo/*.yaml "$demo_folder/conf.d"
    cp build/plugins/.libs/*.so "$demo_folder/plugins"
    build/belfry run -c "$demo_folder/conf.d" --plugin-dir "$demo_folder/plugins" --state "$demo_folder/state" \
        --listen 127.0.0.1:0 --listen "unix:$demo_folder/belfry.sock" >"$demo_folder/agent.log" 2>&1 &
    agent_pid=$!
    demo_pids="$agent_pid $demo_pids"
    BELFRY_AGENT=unix:$demo_folder/belfry.sock
    export BELFRY_AGENT
    wait_for 15 "the agent" build/belfry status
    address=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$demo_folder/agent.log" | head -n 1)
}

fail_a_job() {
    say '$ belfry exec model-training-pipeline -- sh -c '\''echo "CUDA out of memory"; exit 3'\'
    code=0
    build/belfry exec model-training-pipeline -- sh -c 'echo "CUDA out of memory"; exit 3' || code=$?
    [ "$code" -eq 3 ] || die "belfry exec ended with $code instead of the command's own exit code 3"
}

run() {
    deps run
    build_in build
    demo_folder=$(mktemp -d "${TMPDIR:-/tmp}/belfry-demo.XXXXXX")
    trap end_demo EXIT
    trap 'exit 130' INT TERM HUP
    step "Starting a mail server, a webhook receiver and an agent"
    start_receivers
    start_agent
    say "The agent answers at http://$address and tells by mail (port $BELFRY_DEMO_SMTP_PORT) and webhook (port $BELFRY_DEMO_WEBHOOK_PORT)."
    step "A job fails"
    fail_a_job
    wait_for 20 "the mail" test -s "$demo_folder/mail-1"
    wait_for 20 "the webhook" test -s "$demo_folder/webhook-1"
    step "The mail that arrived"
    cat "$demo_folder/mail-1"
    step "The webhook that arrived"
    cat "$demo_folder/webhook-1"
    step "What the agent says of the two (belfry notifications)"
    wait_for 10 "the record of both deliveries" two_delivered
    build/belfry notifications
    count_arrivals
    if [ "$keep" = yes ]; then
        trap - EXIT
        step "Left running: http://$address (try: curl http://$address/api/v1/notifications)"
        say "The command line reaches it with BELFRY_AGENT=http://$address build/belfry status"
        say "End it with: kill $demo_pids; rm -rf $demo_folder"
    fi
    say
    say "It works: one mail and one webhook told that model-training-pipeline failed. Try: ./bootstrap.sh run --keep, or README.md for a configuration of your own."
}

two_delivered() { [ "$(build/belfry notifications --state delivered --json | grep -c '"state": "delivered"')" -eq 2 ]; }

count_arrivals() {
    if [ -e "$demo_folder/mail-2" ] || [ -e "$demo_folder/webhook-2" ]; then die "more than one message arrived"; fi
}

# ---- check -----------------------------------------------------------------------------------------------------------------
passed=0
failed=0

# count PASSED FAILED WHAT
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    say "$3: $1 passed, $2 failed"
}

results() { find "$1" -name '*.trs' -exec cat {} + | grep -cE "^:test-result: ($2)" || true; }

# check_in FOLDER CONFIGURE ARGUMENT…
check_in() {
    folder=$1
    build=0
    (build_in "$@") || build=$?
    if [ "$build" -ne 0 ]; then
        count 0 1 "build in $folder"
        return
    fi
    step "Unit tests in $folder"
    find "$folder" -name '*.trs' -delete
    code=0
    $wrapper make -C "$folder" -j "$jobs" -k --no-print-directory check VERBOSE=1 || code=$?
    if [ "$code" -ne 0 ] && [ "$(results "$folder" .)" -eq 0 ]; then
        count 0 1 "building the unit tests in $folder" # then make runs none of them
        return
    fi
    count "$(results "$folder" PASS)" "$(results "$folder" 'FAIL|ERROR|XPASS')" "unit tests in $folder"
}

check_e2e() {
    ls tests/e2e/test_*.py >/dev/null 2>&1 || return 0
    step "The binary against real servers"
    report="$top/build-asan/e2e.xml"
    rm -f "$report"
    code=0
    BELFRY_BUILD="$top/build-asan" "$python" -m pytest tests/e2e -q -p no:cacheprovider --junitxml="$report" || code=$?
    # shellcheck disable=SC2046 # two numbers
    set -- $("$python" - "$report" <<'PYTHON' || echo 0 1
import sys, xml.etree.ElementTree as tree
suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
number = lambda name: sum(int(suite.get(name, 0)) for suite in suites)
bad = number("failures") + number("errors")
print(number("tests") - bad - number("skipped"), bad)
PYTHON
)
    [ "$code" -eq 0 ] || [ "$2" -gt 0 ] || set -- "$1" 1
    count "$1" "$2" "end-to-end tests"
}

check_structure() {
    good=0
    bad=0
    for script in tests/structure/*.sh; do
        [ -e "$script" ] || continue
        step "$script"
        if BELFRY_BUILD=build-asan sh "$script"; then good=$((good + 1)); else bad=$((bad + 1)); fi
    done
    count $good $bad "structure"
}

check() {
    deps check
    ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
    wrapper=
    check_in build-asan --enable-werror --enable-sanitizer=address,undefined
    # ThreadSanitizer needs the memory layout that newer kernels' random addresses do not leave it.
    ! setarch -R true 2>/dev/null || wrapper="setarch -R"
    check_in build-tsan --enable-werror --enable-sanitizer=thread
    check_e2e
    check_structure
    step "Result"
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# ---- the verb --------------------------------------------------------------------------------------------------------------
verb=${1:-help}
keep=no
[ "$verb" != run ] || [ "${2:-}" != --keep ] || keep=yes
case $#:$verb in
0:* | *:help | *:-h | *:--help) usage ;;
1:run | 2:run)
    [ $# -eq 1 ] || [ "$keep" = yes ] || die "run: '$2' is not --keep"
    run
    ;;
1:check) check ;;
1:build)
    deps build
    build_in build
    say "Built: build/belfry"
    ;;
1:deps | 2:deps) deps "${2:-build}" ;;
*)
    usage >&2
    die "'$*' is not understood"
    ;;
esac
