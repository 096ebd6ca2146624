# SPDX-License-Identifier: MIT
# The two laws of readiness (DESIGN section 9), for every way to wait and every way to read: no wait says readable where
# there is nothing to read, and none sleeps while there is something.
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib

WAITS=(poll ppoll select pselect level edge oneshot exclusive nested polled)
READS=(one all short asked thread)
HEAD='HTTP/1.1 200 OK\r\nContent-Length: 300\r\nConnection: close\r\n\r\n'
BODY=$(printf 'abcdefghij%.0s' {1..30})
UPGRADED=('on 1-:' expect-head 101 tls options-answer tls-expect-head)

setup_file() {
    compile readiness waits waits_epoll waits_threads
    mkdir "$BATS_FILE_TMPDIR/certs"
    start_origin --dir "$BATS_FILE_TMPDIR/certs"
    stop_origin
}

setup() {
    free_temp_dir
    CANARY=canary-$BATS_TEST_NUMBER-$RANDOM$RANDOM
}

# serve [OPTION-OF-THE-RULE...]: an origin with the script on stdin (honest if there is none) and a policy for it
serve() {
    mkdir "$TMP/origin"
    cp "$BATS_FILE_TMPDIR"/certs/*.{pem,key,pin} "$TMP/origin"
    cat >"$TMP/script"
    if [[ -s $TMP/script ]]; then
        start_origin --dir "$TMP/origin" --reuse --script "$TMP/script"
    else
        start_origin --dir "$TMP/origin" --reuse
    fi
    printf 'defaults - audit=none\n*:%s verify try=upgrade ca=%s %s\n' "$ORIGIN_PORT" "$ORIGIN_CA" "$*" >"$TMP/policy"
}

script() {
    printf '%s\n' "${UPGRADED[@]}" "$@"
}

fetch() { # WAIT READ [PATH [BYTES]]
    tlsup_run -p "$TMP/policy" -- "$BATS_FILE_TMPDIR/readiness" "$1" "$2" "$ORIGIN_PORT" "$CANARY" "${@:3}" 2>&1
}

# every_way [PATH [BYTES]]: all waits and reads see the whole answer, without a stall or a lie
every_way() {
    local w r wrong pids
    for w in "${WAITS[@]}"; do
        pids=()
        for r in "${READS[@]}"; do
            fetch "$w" "$r" "$@" >"$TMP/$w.$r" &
            pids+=($!)
        done
        wait "${pids[@]}" || true
    done
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    wrong=$(grep -v ' stalls 0 lies 0 ' "$TMP"/*.{one,all,short,asked,thread} || true)
    if [[ -n $wrong ]]; then
        echo "$wrong" >&2
        return 1
    fi
    # what was read is the same for all, but for the date in the head
    (($(cut -d' ' -f2 "$TMP"/*.{one,all,short,asked,thread} | sort -u | wc -l) == 1))
}

@test "records larger than what is read at once" {
    serve </dev/null
    every_way /bytes/40000
}

@test "records in pieces of 3 bytes" {
    serve < <(script 'split 3' "tls-send \"$HEAD\" \"$BODY\"" 'sleep 50' close-notify fin)
    every_way / 359
    run ! event script-failed
}

@test "several records in one segment" {
    serve < <(script 'sleep 100' cork 'records 40' "tls-send \"$HEAD\" \"$BODY\"" uncork close-notify fin)
    every_way / 359
    run ! event script-failed
}

@test "tickets and key updates alone are not readable" {
    serve < <(script 'tickets 2' 'sleep 200' 'key-update 1' 'sleep 100' cork "tls-send \"$HEAD\"" 'tickets 1' \
        "tls-send \"$BODY\"" uncork 'sleep 50' 'tickets 1' 'sleep 50' close-notify fin)
    every_way /
    run ! event script-failed
}

@test "a server that says nothing ends every wait at the deadline" {
    local w pids=()
    serve timeout=1 < <(printf '%s\n' 'on 1-:' expect-head hang)
    for w in "${WAITS[@]}"; do
        fetch "$w" short >"$TMP/$w.silent" &
        pids+=($!)
    done
    wait "${pids[@]}" || true
    for w in "${WAITS[@]}"; do
        grep -q '^recv: Connection timed out' "$TMP/$w.silent" || {
            echo "$w: $(<"$TMP/$w.silent")" >&2
            return 1
        }
    done
    assert_no_clear "$CANARY"
}

@test "a refusal ends every wait" {
    local w
    serve < <(printf '%s\n' 'on 1-:' expect-head 'send "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"' fin)
    for w in "${WAITS[@]}"; do
        fetch "$w" short >"$TMP/$w.refused" || true
        grep -Eq '^(recv|send|no way to write): Permission denied' "$TMP/$w.refused" || {
            echo "$w: $(<"$TMP/$w.refused")" >&2
            return 1
        }
    done
    assert_no_clear "$CANARY"
}

@test "calls, signals and threads around a conn are as they are around TCP" {
    serve </dev/null
    local program cases=()
    # the stack of a cancelled thread stays poisoned for AddressSanitizer, which then falls over its own frames
    if [[ -n $(sanitizer_runtime) ]]; then cases=(-thread-cancel); fi
    if [[ -n ${BELOW:-} ]]; then cases+=(-signal-poll -signal-mask -signal-recv); fi # they count what they raise
    for program in waits waits_epoll waits_threads; do
        "$BATS_FILE_TMPDIR/$program" "$ORIGIN_PORT" in-the-clear
        tlsup_run -p "$TMP/policy" -- "$BATS_FILE_TMPDIR/$program" "$ORIGIN_PORT" "$CANARY" "${cases[@]}"
    done
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}
