# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of lib.bash, and those that the suites use
# What the suites of tlsup run --strict share: load lib, load net. Beside an origin that every test has, programs that pass
# libc by, and the policy in $TMP/policy.conf.

BATS_TEST_TIMEOUT=60

setup_file() {
    local sources=("$ROOT/tests/clients/bypass.c" "$ROOT/tests/clients/calm.c" "$ROOT/tests/clients/kinds.c")
    gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 -o "$BATS_FILE_TMPDIR/dynamic" "${sources[@]}" -pthread
    gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 -static -o "$BATS_FILE_TMPDIR/static" "${sources[@]}" -pthread
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    CANARY=canary-$RANDOM-$RANDOM
    start_origin
    PORT=$ORIGIN_PORT
    export PORT REQUEST=$'GET /headers HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
    printf '%s\n' "localhost:$PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
}

teardown() {
    local status=0
    assert_no_clear "$CANARY" || status=1
    stop_all
    return "$status"
}

strictly() {
    "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- "$@" </dev/null
}

# bare COMMAND...: with nothing of us in its environment; the preload would put it back, so by a program without one
bare() {
    strictly bash-static -c 'unset LD_PRELOAD TLSUP_POLICY TLSUP_NET; exec "$@"' sh "$@"
}

# bypass LINKING HOW ADDRESS PORT...
bypass() {
    local program=$BATS_FILE_TMPDIR/$1
    shift
    strictly "$program" "$@"
}

recorded() {
    grep -q -- "$1" "$TMP/audit" || {
        echo "no record with $1 in:" >&2
        cat "$TMP/audit" >&2
        return 1
    }
}

# upgraded LINKING HOW...: each of them, with a record of its own
upgraded() {
    local linking=$1 how
    shift
    for how; do
        : >"$TMP/audit"
        : >"$ORIGIN_DIR/inside.log"
        run -0 --separate-stderr bypass "$linking" "$how" 127.0.0.1 "$PORT"
        [[ $output == *"X-Canary: $CANARY"* ]] || { echo "$how: $output $stderr" >&2; return 1; }
        assert_inside "$CANARY"
        wait_for 5 recorded '"action":"upgraded"' 2>/dev/null
        recorded '"action":"upgraded"'
    done
}
ways=(raw deferred other-address clone vfork empty-environment inherit duplicate nonblocking redial bound threads)
[[ $(uname -m) != x86_64 ]] || ways+=(int80 socketcall)

# a port at which the kernel drops what comes: its queue is full
silent_port() {
    python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0); keep = []
for i in range(3):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); keep.append(c)
print(s.getsockname()[1], flush=True); time.sleep(60)' >"$TMP/silent" 3>&- &
    PIDS+=("$!")
    wait_for 5 test -s "$TMP/silent"
    read -r SILENT <"$TMP/silent"
}
