# SPDX-License-Identifier: MIT
# The shapes in which a program may send a request, at level verify: what is HTTP/1 is upgraded whatever its writes look
# like, what is not, or names no one, does not leave.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
BATS_TEST_TIMEOUT=60

# begin: an honest origin and the policy of this file
begin() {
    new_origin honest
    policy "*:PORT verify ca=CA audit=AUDIT timeout=10"
}

# ---- heads that come in pieces -----------------------------------------------------------------------------------

@test "a head, one byte a write" {
    begin
    dial -n 1
    assert_upgraded
}

@test "a head in every two pieces" {
    local at
    for at in 1 3 4 15 16 17 20 24 30 40; do
        begin
        dial -n "$at" -p 20
        assert_upgraded
        stop_origin
    done
}

@test "the host's name in two writes, far apart" {
    begin
    dial -n $(($(grep -abo 'Host: ' "$ORIGIN_DIR/request" | cut -d: -f1) + 9)) -p 300
    assert_upgraded
    grep -aq "Host: localhost:$ORIGIN_PORT" "$ORIGIN_DIR/clear.log"
}

@test "an empty line before the request" {
    begin
    { printf '\r\n'; cat "$ORIGIN_DIR/request"; } >"$ORIGIN_DIR/request.2"
    mv "$ORIGIN_DIR/request.2" "$ORIGIN_DIR/request"
    dial
    assert_upgraded
}

# ---- who is meant ------------------------------------------------------------------------------------------------

@test "a method in lower case" {
    begin
    request 'get / HTTP/1.1' "Host: localhost:$ORIGIN_PORT" 'Connection: close'
    dial
    assert_upgraded
}

@test "HTTP/1.0 without Host, dialled by name" {
    begin
    request 'GET / HTTP/1.0'
    dial
    assert_upgraded
    grep -aq "Host: localhost:$ORIGIN_PORT" "$ORIGIN_DIR/clear.log"
    grep -q 'sni=localhost' "$ORIGIN_DIR/events.log"
}

@test "HTTP/1.0 without Host, dialled by address: there is no name to check" {
    begin
    request 'GET / HTTP/1.0'
    HOST=127.0.0.1 dial
    assert_refused EACCES tlsup-no-identity 'no name to check the certificate against'
}

@test "dialled by address, with the address in Host" {
    begin
    request 'GET / HTTP/1.1' "Host: 127.0.0.1:$ORIGIN_PORT" 'Connection: close'
    HOST=127.0.0.1 dial
    assert_upgraded
    run ! grep -q 'sni=[0-9]' "$ORIGIN_DIR/events.log"
}

@test "dialled by address, with a name in Host: the certificate must be for that name" {
    begin
    request 'GET / HTTP/1.1' "Host: srv.test:$ORIGIN_PORT" 'Connection: close'
    HOST=127.0.0.1 dial
    assert_upgraded
    stop_origin
    begin
    request 'GET / HTTP/1.1' "Host: else.test:$ORIGIN_PORT" 'Connection: close'
    HOST=127.0.0.1 dial
    assert_refused EKEYREJECTED certificate-host-mismatch 'certificate is for .*'
}

@test "the absolute form goes before Host" {
    begin
    request "GET http://srv.test:$ORIGIN_PORT/ HTTP/1.1" "Host: else.test:$ORIGIN_PORT" 'Connection: close'
    dial
    assert_upgraded
    grep -aq "Host: srv.test:$ORIGIN_PORT" "$ORIGIN_DIR/clear.log"
    run ! grep -aq else.test "$ORIGIN_DIR/clear.log"
}

@test "two Host fields, or one that is no authority" {
    local host
    for host in $'localhost\r\nHost: srv.test' $'localhost\r\nHost: localhost' 'local host' 'user@localhost' 'localhost:x' \
        'localhost:99999' '[::1' 'a/b' 'a?b' $'\xff.test'; do
        begin
        request 'GET / HTTP/1.1' "Host: $host" 'Connection: close'
        dial
        assert_refused EACCES tlsup-bad-host "the request's authority is malformed or given twice"
        stop_origin
    done
}

# ---- what is not HTTP/1 ------------------------------------------------------------------------------------------

@test "what is not HTTP/1 does not leave" {
    local bytes
    for bytes in '\x16\x03\x01\x02\x00\x01' 'SSH-2.0-OpenSSH_9.2p1\r\n' 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' \
        'EHLO here\r\n' '\x00\x00\x00\x00' 'GET /\r\n' 'GET / HTTP/2.0\r\n\r\n'; do
        begin
        printf '%b%s' "$bytes" "$CANARY" >"$ORIGIN_DIR/request"
        dial
        case $bytes in
            PRI*) assert_refused EACCES tlsup-not-http 'what the program sends is HTTP/2, which only try=implicit carries' ;;
            *) assert_refused EACCES tlsup-not-http 'what the program sends is not HTTP/1' ;;
        esac
        [ ! -s "$ORIGIN_DIR/clear.log" ] || ! grep -av '^--- conn' "$ORIGIN_DIR/clear.log"
        stop_origin
    done
}

@test "non-http=pass lets it go as it is" {
    local bytes
    for bytes in '\x16\x03\x01\x02\x00\x01' 'SSH-2.0-OpenSSH_9.2p1\r\n' 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'; do
        new_origin "expect 3; send \"hello\"; fin"
        policy '*:PORT verify ca=CA audit=AUDIT non-http=pass'
        printf '%b%s' "$bytes" "$CANARY" >"$ORIGIN_DIR/request"
        dial
        assert_plain 'allowed-plain success - verify'
        [ "$(connections)" = 1 ]
        stop_origin
    done
}

@test "a head of more than 16 KiB" {
    begin
    request 'GET / HTTP/1.1' "Host: localhost:$ORIGIN_PORT" "X-Long: $(printf '%020000d' 0)"
    dial
    assert_refused EACCES tlsup-not-http "the request's head is larger than 16 KiB"
}

@test "a head of a little less" {
    begin
    request 'GET / HTTP/1.1' "Host: localhost:$ORIGIN_PORT" "X-Long: $(printf '%016000d' 0)" 'Connection: close'
    dial
    assert_upgraded
}

# ---- requests that follow each other -----------------------------------------------------------------------------

# bytes of the request up to here
so_far() {
    stat -c %s "$ORIGIN_DIR/request"
}

@test "two requests in one write" {
    begin
    printf 'GET /bytes/%s HTTP/1.1\r\nHost: localhost:'"$ORIGIN_PORT"'\r\nX-Canary: '"$CANARY"'\r\n%s\r\n' \
        10 '' 20 $'Connection: close\r\n' >"$ORIGIN_DIR/request"
    dial
    assert_upgraded
    [ "$(grep -c 'request GET /bytes/[12]0 HTTP/1.1 tls=1' "$ORIGIN_DIR/events.log")" = 2 ]
    [ "$(connections)" = 1 ]
}

@test "a later request for the same host" {
    begin
    request 'GET / HTTP/1.1' "Host: localhost:$ORIGIN_PORT" '' 'GET /bytes/9 HTTP/1.1' "Host: LocalHost.:$ORIGIN_PORT" \
        'Connection: close'
    dial -k "$(grep -abo 'GET /bytes' "$ORIGIN_DIR/request" | cut -d: -f1)"
    assert_upgraded
    [ "$(connections)" = 1 ]
}

@test "a later request for another host ends the connection before a byte of it" {
    begin
    printf 'GET / HTTP/1.1\r\nHost: localhost:%s\r\n\r\n' "$ORIGIN_PORT" >"$ORIGIN_DIR/request"
    local first
    first=$(so_far)
    printf 'GET / HTTP/1.1\r\nHost: srv.test:%s\r\nX-Canary: %s\r\n\r\n' "$ORIGIN_PORT" "$CANARY" >>"$ORIGIN_DIR/request"
    dial -k "$first"
    [[ $(calls) == *$'\nsend ECONNRESET\n'* ]] || show
    assert_no_clear "$CANARY"
    assert_no_clear srv.test
    run ! grep -aFq "$CANARY" "$ORIGIN_DIR/inside.log"
    run ! grep -aFq srv.test "$ORIGIN_DIR/inside.log"
    [ "$(jq -r 'select(.event == "close") | .closed' "$ORIGIN_DIR/audit")" = authority-changed ]
}

@test "the same in one write: the first is answered or not, the second does not leave" {
    begin
    printf 'GET / HTTP/1.1\r\nHost: localhost:%s\r\n\r\nGET / HTTP/1.1\r\nHost: srv.test:%s\r\nX-Canary: %s\r\n\r\n' \
        "$ORIGIN_PORT" "$ORIGIN_PORT" "$CANARY" >"$ORIGIN_DIR/request"
    dial || true
    assert_no_clear "$CANARY"
    run ! grep -aFq "$CANARY" "$ORIGIN_DIR/inside.log"
}

# ---- bodies ------------------------------------------------------------------------------------------------------

@test "POST of a megabyte" {
    begin
    request 'POST /echo HTTP/1.1' "Host: localhost:$ORIGIN_PORT" 'Content-Length: 1000000' 'Connection: close'
    pattern 1000000 >>"$ORIGIN_DIR/request"
    dial
    assert_upgraded
    tail -c 1000000 "$ORIGIN_DIR/got" | cmp - <(pattern 1000000)
}

@test "POST of a body that holds what looks like a request" {
    begin
    local body=$'GET / HTTP/1.1\r\nHost: srv.test\r\n\r\n'
    request 'POST /echo HTTP/1.1' "Host: localhost:$ORIGIN_PORT" "Content-Length: ${#body}" 'Connection: close'
    printf %s "$body" >>"$ORIGIN_DIR/request"
    dial -n 7
    assert_upgraded
    cmp <(tail -c "${#body}" "$ORIGIN_DIR/got") <(printf %s "$body")
}

@test "Expect: 100-continue" {
    begin
    request 'POST /echo HTTP/1.1' "Host: localhost:$ORIGIN_PORT" 'Content-Length: 1000' 'Expect: 100-continue' \
        'Connection: close'
    local first
    first=$(so_far)
    pattern 1000 >>"$ORIGIN_DIR/request"
    dial -k "$first"
    assert_upgraded
    grep -aq 'HTTP/1.1 100' "$ORIGIN_DIR/got"
    tail -c 1000 "$ORIGIN_DIR/got" | cmp - <(pattern 1000)
}

# Over TCP the send takes the error, and the read says end of file. Of a cut answer that would be a lie.
@test "an answer that was cut is an error of the read, whatever a write was told before" {
    not_below "a write that a signal ended leaves a part to the next call"
    new_origin 'expect-head; 101; tls; options-answer; tls-expect-head; tls-send "HTTP/1.1 200 OK\r\n\r\nhalf"; sleep 100; rst'
    policy 'localhost:PORT verify ca=CA audit=AUDIT'
    cat >"$TMP/cut.py" <<'PY'
import socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Canary: " + sys.argv[2].encode() + b"\r\nContent-Length: 100000\r\n\r\n")
time.sleep(0.6)
for i in range(3):
    try: s.send(b"x" * 1000); print("sent")
    except OSError as e: print(type(e).__name__)
try:
    while True:
        got = s.recv(1000)
        print("end" if not got else "bytes")
        if not got: break
except OSError as e: print(type(e).__name__)
PY
    run -0 tlsup_run -p "$ORIGIN_DIR/policy.conf" -- python3 "$TMP/cut.py" "$ORIGIN_PORT" "$CANARY"
    [[ $output == *BrokenPipeError* ]]
    [ "${lines[-1]}" = ConnectionResetError ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}
