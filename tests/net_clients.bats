# SPDX-License-Identifier: MIT
# tlsup run --strict and programs of many kinds that the preload does not reach: every way to wait for a connect(), many at a
# time, signals, numbers that change hands. tests/matrix/run --strict and --bare have the clients of others.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=60

setup_file() {
    gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -o "$BATS_FILE_TMPDIR/swarm" "$ROOT/tests/clients/swarm.c" -pthread
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    CANARY=canary-$RANDOM-$RANDOM
    export REQUEST=$'GET /headers HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
}

teardown() {
    local status=0
    [[ ! -e ${ORIGIN_DIR-/}/clear.log ]] || assert_no_clear "$CANARY" || status=1
    stop_all
    return "$status"
}

# serve [WAY [OPTION...]]: an origin, and the policy to reach it by upgrade or implicit
serve() {
    local how="try=${1:-upgrade}"
    start_origin "${@:2}"
    [[ ${1-} != implicit ]] || how+=" implicit-port=$ORIGIN_TLS_PORT"
    printf '%s\n' "localhost:$ORIGIN_PORT verify $how ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
}

strictly() {
    "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- "$@" </dev/null
}

# swarm HOW TIMES [ADDRESS]: nothing goes wrong
swarm() {
    run --separate-stderr strictly "$BATS_FILE_TMPDIR/swarm" "$1" "${3:-127.0.0.1}" "$ORIGIN_PORT" "$2"
    [[ $status == 0 && $output == 'bad 0' ]] || { echo "$*: $output $stderr" >&2; return 1; }
}

# upgraded N: so many requests came inside TLS
upgraded() {
    [ "$(grep -acF "$CANARY" "$ORIGIN_DIR/inside.log")" = "$1" ]
    : >"$ORIGIN_DIR/inside.log"
}

@test "a connect() that does not block, in every way to wait for it" {
    local way address
    for way in upgrade implicit; do
        serve "$way" --address 127.0.0.1 --address ::1
        for address in 127.0.0.1 ::1 ::ffff:127.0.0.1; do
            swarm nonblocking 2 "$address"
            upgraded 12
        done
        stop_all
    done
}

@test "many threads at once" {
    serve implicit
    swarm threads 4
    upgraded 64
}

@test "signals that restart a call find it as it was" {
    serve
    swarm under-signals 40
    upgraded 40
}

@test "hundreds of connections that are closed at once, or before they are there: nothing stays behind" {
    local left
    serve implicit
    # the supervisor is the parent of orphans
    run --separate-stderr strictly bash-static -c '"$0" closed-at-once 127.0.0.1 "$1" 200 && "$0" abandoned 127.0.0.1 "$1" 200
        (sleep 4; read -r _ _ _ parent _ </proc/self/stat; ls "/proc/$parent/fd" | wc -l; cat "/proc/$parent/task/$parent/children") &' \
        "$BATS_FILE_TMPDIR/swarm" "$ORIGIN_PORT"
    [ "$status" -eq 0 ]
    [[ ${lines[0]}${lines[1]} == 'bad 0bad 0' ]] || { echo "$output $stderr" >&2; return 1; }
    echo "$output"
    left=${lines[2]}
    ((left < 20))
    [ "$(wc -w <<<"${lines[3]}")" -le 2 ]
}

@test "a number that another socket takes, and a child that goes on" {
    serve
    swarm replaced 20
    upgraded 20
    swarm inherited 20
    upgraded 20
}

@test "connect() of a socket that was shut down before ends as the dial does" {
    local closed
    closed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' "localhost:$closed verify audit=none" >"$TMP/policy.conf"
    run -0 "$BATS_FILE_TMPDIR/swarm" shut-before 127.0.0.1 "$closed" 1
    [ "${lines[0]}" = ECONNREFUSED ]
    run -0 --separate-stderr strictly "$BATS_FILE_TMPDIR/swarm" shut-before 127.0.0.1 "$closed" 1
    [ "${lines[0]}" = ECONNREFUSED ]
}

@test "a port of its own" {
    serve
    swarm from-a-port 5
    upgraded 5
    swarm from-a-port 5 ::ffff:127.0.0.1
    upgraded 5
}

@test "no way to a network is an error at once, as it is without" {
    local lonely=(unshare -n sh -c 'ip link set lo up && exec "$@"' sh)
    "${lonely[@]}" true 2>/dev/null || skip 'no network namespaces here'
    echo '*:80 verify audit=none' >"$TMP/policy.conf"
    run -0 "${lonely[@]}" "$BATS_FILE_TMPDIR/swarm" unreachable 192.0.2.1 80 1
    [ "${lines[0]}" = ENETUNREACH ]
    run -0 --separate-stderr "${lonely[@]}" "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- \
        "$BATS_FILE_TMPDIR/swarm" unreachable 192.0.2.1 80 1
    [ "${lines[0]}" = ENETUNREACH ]
}

@test "a musl program starts, and is upgraded" {
    serve
    printf '%s\n' '#include <stdio.h>' 'int main(void) { return puts("runs") < 0; }' >"$TMP/musl.c"
    musl-gcc -o "$TMP/musl" "$TMP/musl.c"
    run -0 --separate-stderr strictly "$TMP/musl"
    [ "$output" = runs ]
    musl-gcc -std=gnu11 -D_GNU_SOURCE -w -o "$TMP/swarm" "$ROOT/tests/clients/swarm.c" -Dstrerrorname_np=strerror
    run -0 --separate-stderr strictly "$TMP/swarm" blocking 127.0.0.1 "$ORIGIN_PORT" 2
    [ "$output" = 'bad 0' ]
    upgraded 2
}

@test "relays that outlive the command are not worth a word" {
    start_origin
    printf '%s\n' "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    export ORIGIN_PORT
    run -0 --separate-stderr strictly bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        printf "GET /slow/1500 HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" "$0" >&3; sleep 0.5' "$CANARY"
    [ "$stderr" = '' ]
    assert_inside "$CANARY"
    run -0 --separate-stderr strictly bash -c 'sleep 1 >/dev/null 2>&1 3>&- &'
    [[ $stderr == *'live on, and so does their supervisor'* ]]
}
