# SPDX-License-Identifier: MIT
# What nobody plans for: a server that never answers ten thousand connections, a program that is killed at any moment, a
# clock that is set while a program runs. Nothing hangs past its deadline, nothing crosses in the clear, nothing is left.
# check: alone ten thousand connections, and a deadline
# check: not-sanitized programs that are killed say nothing, and ten thousand connections take the machine's memory
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    export BATS_TEST_TIMEOUT=120
    compile silent
    gcc -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/clock.so" "$BATS_TEST_DIRNAME/clients/clock.c"
}

setup() {
    free_temp_dir
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY
    ulimit -n "$(ulimit -Hn)" # for the server's side
    CANARY=canary-$RANDOM$RANDOM
    mkdir "$TMP/origin"
}

# rule OPTION...: for every address at the origin's port
rule() {
    echo "*:$ORIGIN_PORT verify try=upgrade ca=$ORIGIN_CA audit=$TMP/audit.log messages=none $*" >"$TMP/policy"
}

@test "ten thousand connections to a server that never answers end at their deadline" {
    printf 'on plain:\n    expect-head\n    expect-close\n' >"$TMP/script"
    start_origin --dir "$TMP/origin" --script "$TMP/script"
    rule timeout=8
    run tlsup_run -p "$TMP/policy" -- "$BATS_FILE_TMPDIR/silent" 10000 "$ORIGIN_PORT" "$CANARY"
    echo "$status: $output" >&2
    [[ $status == 0 ]]
    awk '$1 == "ended" { n += $2 } $1 == "ended" && $0 !~ /[A-Z]/ { exit 1 } END { exit n != 10000 }' <<<"$output"
    local after
    after=$(sed -n 's/^after //p' <<<"$output")
    ((after >= 8 && after <= 30))
    [[ $output != *Success* ]] # an end would be an answer
    assert_no_clear "$CANARY"
    (($(grep -c '"action":"blocked"' "$TMP/audit.log") == 10000))
}

# records_are_whole: each line of the log is one record
records_are_whole() {
    python3 -c 'import json, sys
for line in open(sys.argv[1]):
    assert line.endswith("\n")
    json.loads(line)' "$TMP/audit.log"
}

# killed MS COMMAND...: between 10 ms and MS ms later, another moment each time, sixty times
killed() {
    local i pid most=$1
    shift
    for i in {1..60}; do
        tlsup_run -p "$TMP/policy" -- "$@" >/dev/null 2>&1 3>&- & # a subshell, and the program below it
        pid=$!
        sleep "0.$(printf %03d $((10 + i * 37 % most)))"
        ! pgrep -x tlsup-relay >/dev/null || seen=$((seen + 1))
        pkill -KILL -P "$pid" || true
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}

@test "a program that is killed at any moment leaves nothing, and what it did is recorded" {
    start_origin --dir "$TMP/origin"
    rule
    local before after
    before=$(find /tmp /run /dev/shm -maxdepth 1 -name '*tlsup*' | sort)
    killed 50 curl -sS -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/slow/20"
    wait_for 8 no_relay
    after=$(find /tmp /run /dev/shm -maxdepth 1 -name '*tlsup*' | sort)
    [[ $before == "$after" ]]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY" # it was not always too early
    records_are_whole
    tlsup_run -p "$TMP/policy" -- curl -sS -o "$TMP/got" "http://localhost:$ORIGIN_PORT/bytes/3000"
    cmp "$TMP/got" <(pattern 3000)
}

@test "the same with a relay" {
    start_origin --dir "$TMP/origin"
    rule
    local seen=0
    cat >"$TMP/give.py" <<PY
import socket, subprocess
s = socket.create_connection(("localhost", $ORIGIN_PORT))
s.sendall(b"GET /slow/200 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Canary: $CANARY\r\n\r\n")
subprocess.run(["cat"], stdin=s)
PY
    killed 300 python3 "$TMP/give.py"
    ((seen > 10)) # there was something that could have been left
    wait_for 8 no_relay
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    records_are_whole
}

# at CLOCK COMMAND...: with a clock that is wrong by that much
at() {
    CLOCK=$1 LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so tlsup_run -p "$TMP/policy" -- "${@:2}"
}

@test "a clock that jumps half an hour to and fro changes nothing" {
    start_origin --dir "$TMP/origin"
    rule timeout=5
    at '~1800' python3 -c "
import http.client
for n in range(40):
    c = http.client.HTTPConnection('localhost', $ORIGIN_PORT, timeout=20)
    for m in range(3):
        c.request('GET', '/bytes/%d' % (1000 + n), headers={'X-Canary': '$CANARY'})
        assert len(c.getresponse().read()) == 1000 + n
    c.close()"
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    records_are_whole
}

@test "a deadline is not of the clock that somebody sets" {
    printf 'on plain:\n    expect-head\n    expect-close\n' >"$TMP/script"
    start_origin --dir "$TMP/origin" --script "$TMP/script"
    rule timeout=3
    local from=$SECONDS
    run at '~86400' curl -sS -m 30 -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/"
    echo "$status: $output" >&2
    [[ $status != 0 && $status != 28 ]] # not curl's own patience
    ((SECONDS - from >= 2 && SECONDS - from <= 9))
    assert_no_clear "$CANARY"
}

@test "a certificate is judged by the clock of the machine: a century late, and it has expired" {
    start_origin --dir "$TMP/origin"
    rule
    at 0 curl -sS -o "$TMP/got" "http://localhost:$ORIGIN_PORT/bytes/10"
    run at 3155760000 curl -sS -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/bytes/10"
    echo "$status: $output" >&2
    [[ $status != 0 ]]
    grep -q '"result_type":"certificate-expired"' "$TMP/audit.log"
    assert_no_clear "$CANARY"
    run ! grep -aF "$CANARY" "$ORIGIN_DIR/inside.log"
}
