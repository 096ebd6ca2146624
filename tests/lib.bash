# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what is set here is used by the suites
# What all suites share: load lib. Every server a test starts is stopped in teardown, by pid, also on failure:
# a suite without a teardown of its own gets this one; one with its own calls stop_all in it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$ROOT/build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60}
PIDS=() # of everything that this test started
ORIGIN_WHERE=() # a command that executes its arguments elsewhere, as nsenter does

# Make TMP, a directory of this test that bats removes
free_temp_dir() {
    TMP=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/XXXXXX")
}

# wait_for SECONDS COMMAND...: until it succeeds, looking every 10 ms
wait_for() {
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@"; do
        ((${EPOCHREALTIME/[.,]/} < end)) || return 1
        sleep 0.01
    done
}

# In a chroot, and for others than root, mounts cannot be kept from the rest of the machine.
need_mounts() { unshare -m true 2>/dev/null || skip 'no mounts of its own here: not root, or in a chroot'; }

# start_origin [OPTION...]: sets ORIGIN_DIR ORIGIN_PORT ORIGIN_TLS_PORT ORIGIN_PID ORIGIN_CA. A second one in the same
# test wants its own --dir, which is then ORIGIN_DIR; the variables are those of the last one started. In setup_file it
# works too: then teardown_file calls stop_all.
start_origin() {
    local dir='' i
    for ((i = 1; i < $#; i++)); do
        if [[ ${!i} == --dir ]]; then
            i=$((i + 1))
            dir=${!i}
        fi
    done
    if [[ -z $dir ]]; then
        dir=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/origin.XXXXXX")
        set -- --dir "$dir" "$@"
    fi
    export ORIGIN_DIR=$dir ORIGIN_CA=$dir/ca.pem ORIGIN_PID ORIGIN_PORT ORIGIN_TLS_PORT
    rm -f "$dir/ready"
    # not under the shim, whatever the test exports; bats' descriptor 3 closed, or it waits for the server
    env -u LD_PRELOAD "${ORIGIN_WHERE[@]}" "$BUILD/origin" --lifetime 300 "$@" >"$dir/stdout" 2>"$dir/stderr" 3>&- &
    ORIGIN_PID=$!
    PIDS+=("$ORIGIN_PID")
    if ! wait_for 10 origin_ready "$dir" "$ORIGIN_PID"; then
        cat "$dir/stderr" >&2
        return 1
    fi
    kill -0 "$ORIGIN_PID" 2>/dev/null || { cat "$dir/stderr" >&2; return 1; }
    ORIGIN_PORT=$(sed -n 's/^port //p' "$dir/ready")
    ORIGIN_TLS_PORT=$(sed -n 's/^tls-port //p' "$dir/ready")
}

# there, or dead: both end the waiting
origin_ready() {
    [[ -e $1/ready ]] || ! kill -0 "$2" 2>/dev/null
}

# stop_origin [PID]: SIGTERM; the status is the origin's, and a sanitizer's report is shown
stop_origin() {
    local pid=${1:-$ORIGIN_PID} status=0
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null || status=$?
    if [[ -s $ORIGIN_DIR/stderr ]]; then cat "$ORIGIN_DIR/stderr" >&2; fi
    return "$status"
}

stop_all() {
    local pid
    for pid in "${PIDS[@]}"; do kill -TERM "$pid" 2>/dev/null; done
    for pid in "${PIDS[@]}"; do
        wait_for 5 stopped "$pid" || kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    PIDS=()
    no_sanitizer_report
}

# an origin that was built with sanitizers and complained fails the test
no_sanitizer_report() {
    ! grep -aE 'Sanitizer|runtime error' "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}"/origin.*/stderr 2>/dev/null >&2
}

# gone, or a zombie that wait collects
stopped() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
    [[ -z $state || $state == Z ]]
}

teardown() {
    stop_all
}

# a relay ends with its connection: none is left of this test, or of its origin
no_relay() {
    ! relays >/dev/null
}
# the pids of the relays of this origin's connections
relays() {
    local comm pid found=1
    for comm in /proc/[0-9]*/comm; do
        [[ $(cat "$comm" 2>/dev/null) == tlsup-relay ]] || continue
        pid=${comm//[!0-9]/}
        [[ $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status") != Z ]] || continue
        grep -qz "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR\$" "/proc/$pid/environ" 2>/dev/null ||
            grep -qz "^http://.*:$ORIGIN_PORT\$" "/proc/$pid/cmdline" 2>/dev/null || continue
        echo "$pid"
        found=0
    done
    return "$found"
}

# event REGEX: is there such a line in events.log? wait_event waits up to 5 s for it.
event() {
    grep -Eq -- "$1" "$ORIGIN_DIR/events.log"
}
wait_event() {
    wait_for 5 event "$1" || {
        echo "no event '$1' in:" >&2
        cat "$ORIGIN_DIR/events.log" >&2
        return 1
    }
}

# assert_no_clear CANARY: it did not reach the origin outside TLS
assert_no_clear() {
    ! grep -aFq -- "$1" "$ORIGIN_DIR/clear.log" || {
        echo "'$1' arrived in the clear:" >&2
        cat -v "$ORIGIN_DIR/clear.log" >&2
        return 1
    }
}

# assert_clear CANARY: it did
assert_clear() {
    grep -aFq -- "$1" "$ORIGIN_DIR/clear.log" || {
        echo "'$1' is not in clear.log" >&2
        return 1
    }
}

# assert_inside CANARY: it arrived inside TLS
assert_inside() {
    grep -aFq -- "$1" "$ORIGIN_DIR/inside.log" || {
        echo "'$1' did not arrive inside TLS; events:" >&2
        cat "$ORIGIN_DIR/events.log" >&2
        return 1
    }
}

# pattern N [OFFSET]: the body of /bytes/N on stdout
pattern() {
    env -u LD_PRELOAD "$BUILD/origin" --pattern "$1" --offset "${2:-0}"
}

# tlsup_run [-p POLICY] [--] COMMAND...: the command under the shim of this build. The runtime of a sanitizer build goes
# first, as it must; foreign programs leak, so that is not looked for.
tlsup_run() {
    local runtime early=$BUILD/early.so preload=${LD_PRELOAD:-}
    [[ -z ${BELOW:-} ]] || preload+=${preload:+:}$BELOW_OBJECT
    runtime=$(sanitizer_runtime)
    if [[ -n $runtime ]]; then
        if [[ ! -e $early ]]; then
            gcc -shared -fPIC -Wl,-z,initfirst -o "$early.$BASHPID" "$ROOT/tests/clients/early.c"
            mv "$early.$BASHPID" "$early"
        fi
        LD_PRELOAD=$runtime:$early${preload:+:$preload} ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS} \
            "$BUILD/tlsup" run "$@"
    elif [[ -n $preload ]]; then
        LD_PRELOAD=$preload "$BUILD/tlsup" run "$@"
    else
        "$BUILD/tlsup" run "$@"
    fi
}

# the path of AddressSanitizer's runtime that libtlsup.so asks for; nothing: an ordinary build
sanitizer_runtime() {
    ldd "$BUILD/libtlsup.so" | sed -n 's/.* => \([^ ]*asan[^ ]*\) .*/\1/p'
}

# compile NAME...: tests/clients/NAME.c becomes $BATS_FILE_TMPDIR/NAME, without sanitizers, as foreign programs are
compile() {
    local name
    for name; do
        gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 -o "$BATS_FILE_TMPDIR/$name" "$ROOT/tests/clients/$name.c" -pthread
    done
}

# ---- BELOW=SEED[/PERCENT] bats SUITE: calls on sockets are cut short, interrupted, early; see tests/below/fate.h --------

# below_build DIRECTORY: a copy of the build whose relay, which gets no environment, runs on below.so as well
below_build() {
    local runtime
    [[ ! -e $1/libtlsup-relay ]] || return 0
    mkdir -p "$1/relay"
    cp "$BUILD"/{tlsup,libtlsup.so,libtlsup-tls.so,origin,below.so} "$1"
    cp "$BUILD"/libtlsup-{relay,tls.so} "$1/relay"
    runtime=$(sanitizer_runtime)
    cat >"$1/libtlsup-relay.new" <<SH
#!/bin/sh
BELOW=$BELOW LD_PRELOAD=${runtime:+$runtime:}$1/below.so ASAN_OPTIONS=detect_leaks=0 exec "$1/relay/libtlsup-relay" "\$@"
SH
    chmod 755 "$1/libtlsup-relay.new"
    mv "$1/libtlsup-relay.new" "$1/libtlsup-relay"
}
# not_below REASON: this test is about what the program itself sees of the kernel
not_below() {
    [[ -z ${BELOW:-} ]] || skip "$1"
}
if [[ -n ${BELOW:-} ]]; then
    below_build "$BATS_RUN_TMPDIR/below"
    BUILD=$BATS_RUN_TMPDIR/below BELOW_OBJECT=$BATS_RUN_TMPDIR/below/below.so
fi

# ---- STRICT=1 bats SUITE: every "tlsup run" is "tlsup run --strict": the kernel's net is under the suite's clients ------

# strict_build DIRECTORY: a build whose command adds the word; a suite may copy the command to where other files lack
strict_build() {
    local file command=$1/tlsup.$BASHPID
    [[ ! -e $1/tlsup ]] || return 0
    mkdir -p "$1"
    for file in "$BUILD"/*; do
        [[ $file == */tlsup ]] || ln -sf "$file" "$1"
    done
    cat >"$command" <<SH
#!/bin/bash
here=\$(cd "\$(dirname "\$0")" && pwd)
if [ ! -e "\$here/named/tlsup" ]; then # which is the process's name
    mkdir -p "\$here/named"
    cp "$BUILD/tlsup" "\$here/tlsup.\$\$" && mv "\$here/tlsup.\$\$" "\$here/tlsup-itself"
    ln -sf ../tlsup-itself "\$here/named/tlsup"
fi
if [ "\$1" = run ]; then
    shift
    set -- run --strict "\$@"
fi
exec "\$here/named/tlsup" "\$@"
SH
    chmod 755 "$command"
    mv "$command" "$1/tlsup"
}
# not_strict REASON: this test is not for programs with the net under them
not_strict() {
    [[ -z ${STRICT:-} ]] || skip "$1"
}
if [[ -n ${STRICT:-} ]]; then
    strict_build "$BATS_RUN_TMPDIR/strict"
    BUILD=$BATS_RUN_TMPDIR/strict
fi
