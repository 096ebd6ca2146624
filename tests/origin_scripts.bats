# SPDX-License-Identifier: MIT
# The scripts of the test origin: each step does on the wire what it says.
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib
load peers

setup() {
    free_temp_dir
}

@test "script: refuse first, then serve in the clear" {
    script 'on 1:' '  expect-head' '  send "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"' '  fin' \
        'on 2-:' '  serve no-upgrade'
    start_origin --script "$TMP/script"
    run -2 upgrade
    [[ $output == 'HTTP/1.1 400'* ]]
    get -f "http://127.0.0.1:$ORIGIN_PORT/" | grep -q 'It works'
    event 'conn 1 script-step 2 expect-head'
}

@test "script: the 101s and answers of real servers lead to TLS" {
    local kind
    for kind in '101 options-answer' '101-cups options-answer' '101-pappl options-answer-pappl'; do
        # shellcheck disable=SC2086
        set -- $kind
        script expect-head "$1" tls "$2" serve
        start_origin --script "$TMP/script"
        run -0 upgrade 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
        [[ $output == *101*200*'It works'* ]]
        stop_origin
    done
}

@test "script: split writes arrive byte by byte and whole" {
    script 'split 1' expect-head 101 tls options-answer 'split 0' serve
    start_origin --script "$TMP/script"
    run -0 upgrade 'GET /bytes/3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    [[ $output == *'Content-Length: 3'* ]]
}

@test "script: blocks by port and number, honest where none fits" {
    script 'on plain 2:' '  send "second plain"' 'on tls 1-2:' '  send "tls port"'
    start_origin --script "$TMP/script"
    get -f "http://127.0.0.1:$ORIGIN_PORT/" >"$TMP/x"
    get -k --http0.9 "https://127.0.0.1:$ORIGIN_TLS_PORT/" >"$TMP/x" || true
    run -0 raw ''
    [ "$output" = 'second plain' ]
    get -f "http://127.0.0.1:$ORIGIN_PORT/" | grep -q 'It works'
    event 'conn 2 script-step 4 send "tls port"'
}

@test "script: blocks by the address that was dialled, counted for each" {
    script 'on plain 127.0.0.2 1:' '  send "first at 2"' 'on 127.0.8.0/22 2:' '  send "second below 8"' 'on 127.0.8.0/22:' \
        '  send "else below 8"' 'else:' '  send "elsewhere"'
    start_origin --script "$TMP/script" --address 0.0.0.0
    local row
    for row in '127.0.0.2 first at 2' '127.0.0.2 elsewhere' '127.0.9.1 else below 8' '127.0.11.1 else below 8' \
        '127.0.9.1 second below 8' '127.0.12.1 elsewhere' '127.0.0.1 elsewhere'; do
        run -0 raw '' "${row%% *}"
        [ "$output" = "${row#* }" ]
    done
    event 'conn 3 accept port=plain at=127.0.9.1'
}

@test "script: escapes, repetition, cork" {
    script cork 'send "a\x42\0\t\\\"" "z" # comment' 'send-repeat 3 "ab"' uncork
    start_origin --script "$TMP/script"
    [ "$(raw '' | od -An -c | tr -d ' \n')" = 'aB\0\t\"zababab' ]
}

@test "script: fin, rst, half-fin, close-notify are what they say" {
    script 'on 1:' '  expect-head' '  fin' 'on 2:' '  expect-head' '  rst' \
        'on 3:' '  half-fin' '  expect 2' '  send ""' 'on 4:' '  expect-head' '  101' '  tls' '  options-answer' \
        '  tls-expect-head' '  tls-send "HTTP/1.1 200 OK\r\n\r\nx"' '  close-notify' \
        'on 5:' '  expect-head' '  101' '  tls' '  options-answer' '  tls-expect-head' \
        '  tls-send "HTTP/1.1 200 OK\r\n\r\nx"' '  fin'
    start_origin --script "$TMP/script"
    run -0 raw 'GET / HTTP/1.1\r\n\r\n'
    [ "$output" = '' ]
    run -0 raw 'GET / HTTP/1.1\r\n\r\n'
    [ "$output" = '[reset]' ]
    run -0 raw 'ab'
    [ "$output" = '' ]
    event 'conn 3 script-step 10 send'
    run -0 upgrade 'GET / HTTP/1.1\r\n\r\n'
    run -1 upgrade 'GET / HTTP/1.1\r\n\r\n'
    [[ $output == *[Ee][Oo][Ff]* ]]
}

@test "script: alerts before and inside TLS, records by hand, a broken one" {
    script 'on 1:' '  expect-head' '  101' '  alert 40' '  hang' \
        'on 2:' '  expect-head' '  101' '  tls' '  options-answer' '  record 23 ""' '  tls-send "HTTP/1.1 200 OK\r\n\r\nx"' \
        '  alert 20' 'on 3:' '  expect-head' '  101' '  tls' '  corrupt' '  options-answer' '  hang' \
        'on 4:' '  expect-head' '  101' '  tls' '  options-answer' '  record 23 ""' '  tls-expect-head' \
        '  tls-send "HTTP/1.1 200 OK\r\n\r\nby-hand"' '  record 21 "\x01\0"' '  tls-send "ignored"'
    start_origin --script "$TMP/script"
    run -1 upgrade
    [[ $output == *[Hh]andshake*failure* || $output == *HANDSHAKE_FAILURE* ]]
    run -1 upgrade 'GET / HTTP/1.1\r\n\r\n'
    [[ $output == *[Bb][Aa][Dd]?[Rr][Ee][Cc][Oo][Rr][Dd]?[Mm][Aa][Cc]* ]]
    run -1 upgrade
    [[ $output == *decryption*failed* || $output == *DECRYPTION_FAILED* ]]
    run -0 upgrade 'GET / HTTP/1.1\r\n\r\n'
    [[ $output == *by-hand ]]
}

@test "script: TLS options: versions, ciphers, groups, ALPN, client certificates, cuts" {
    script 'on 1:' '  tls max=1.2 ciphers=ECDHE-ECDSA-AES256-GCM-SHA384' '  serve' 'on 2:' '  tls groups=P-384 alpn=h2' '  serve' \
        'on 3:' '  tls ask-cert' '  serve' 'on 4:' '  tls require-cert' '  serve' 'on 5:' '  tls cert=other' '  serve' \
        'on 6:' '  tls cut-after-hello' '  fin' 'on 7:' '  tls stall-after-hello' 'on 8:' '  tls max=1.1' '  serve' \
        'on 9:' '  tls alpn=h2'
    start_origin --script "$TMP/script"
    local u=https://localhost:$ORIGIN_TLS_PORT/
    get -f "$u" >"$TMP/x"
    event 'conn 1 tls TLSv1.2 .* cipher=ECDHE-ECDSA-AES256-GCM-SHA384'
    get -f --http2 "$u" >"$TMP/x" || true # h2 is what it selects, not what it speaks
    wait_event 'conn 2 tls TLSv1.3 .* alpn=h2'
    get -f --cert "$ORIGIN_DIR/clientauth.pem" --key "$ORIGIN_DIR/clientauth.key" "$u" >"$TMP/x"
    event 'conn 3 tls .* client-cert=/CN=origin clientauth'
    run -56 get -f "$u"
    run -60 get -f "$u"
    run -35 get -f "$u"
    event 'conn 6 tls cut after ServerHello'
    run -28 get -f --max-time 1 "$u"
    wait_event 'conn 7 closed'
    run -35 get -f "$u"
    wait_event 'conn 8 tls-failed'
    run -35 get -f --http1.1 "$u" # selected, but not offered
    wait_event 'conn 9 tls-failed'
}

@test "script: key updates, tickets, HelloRequest, small records" {
    script 'on 1:' '  tls' '  key-update 5' '  tickets 5' '  records 1' '  serve' 'on 2:' '  tls max=1.2' '  tls-expect-head' \
        '  tls-send "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na"' '  hello-request' '  tls-send "bc"' '  close-notify'
    start_origin --script "$TMP/script"
    get -f "https://localhost:$ORIGIN_TLS_PORT/bytes/3000" | cmp - <(pattern 3000)
    [ "$(get -f "https://localhost:$ORIGIN_TLS_PORT/")" = abc ]
}

@test "script: relay to the TLS port, expect-silence, expect-close" {
    script 'on plain 1:' '  expect-head' '  101' '  relay tls' 'on plain 2:' '  expect-silence 100' '  expect 1' '  expect-close'
    start_origin --script "$TMP/script"
    python3 - "$ORIGIN_PORT" "$ORIGIN_CA" <<'PY'
import socket, ssl, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(b"OPTIONS * HTTP/1.1\r\n\r\n")
while not s.recv(1000).endswith(b"\r\n\r\n"):
    pass
t = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(s, server_hostname="localhost")
t.sendall(b"GET /relayed HTTP/1.1\r\nConnection: close\r\n\r\n")
assert t.recv(1000).startswith(b"HTTP/1.1 404")
PY
    assert_inside /relayed
    assert_no_clear /relayed
    python3 - "$ORIGIN_PORT" <<'PY'
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
time.sleep(0.3)
s.sendall(b"x")
s.close()
PY
    wait_event 'conn 3 closed'
    run -1 event script-failed
}

@test "script: what does not come is script-failed" {
    script 'on 1:' '  expect-head' 'on 2:' '  expect-silence 1000' 'on 3:' '  expect-head' '  101' '  tls' 'on 4:' '  tls-expect-head'
    start_origin --script "$TMP/script"
    python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()' "$ORIGIN_PORT"
    wait_event 'conn 1 script-failed 2 expect-head'
    run -0 raw 'x'
    event 'conn 2 script-failed 4 expect-silence 1000'
    run -0 raw 'OPTIONS * HTTP/1.1\r\n\r\nnot TLS'
    event 'conn 3 script-failed 8 tls'
    run -0 raw 'GET / HTTP/1.1\r\n\r\n'
    event 'conn 4 script-failed 10 tls-expect-head'
}

@test "script errors: file, line, why, status 2" {
    refused() {
        printf '%s\n' "$@" >"$TMP/bad"
        run -2 timeout 20 "$BUILD/origin" --dir "$TMP/d" --script "$TMP/bad"
        [[ $output == "origin: $TMP/bad:"[0-9]*': '* ]] || { echo "$output"; return 1; }
    }
    refused 'sned "x"'
    [[ $output == *"bad:1: 'sned' is no step"* ]]
    refused '# nothing' '' 'send x'
    [[ $output == *"bad:3: send takes a \"string\""* ]]
    refused 'send "x'
    refused 'send "\q"'
    refused 'sleep'
    refused 'sleep x'
    refused 'sleep -1'
    refused 'fin now'
    refused 'send-repeat often "x"'
    refused 'send-repeat 2 "x" every=soon'
    refused 'relay nowhere'
    refused 'serve 1 2'
    refused 'tls color=red'
    refused 'tls cert=nobody'
    refused 'tls min=1.9'
    refused 'tls ciphers=NOPE'
    refused 'on:' ' fin'
    refused 'on 0:' ' fin'
    refused 'on 3-2:' ' fin'
    refused 'on 127.0.0.300:' ' fin'
    refused 'on 127.0.0.1/33:' ' fin'
    refused 'on 127.0.0.1 x:' ' fin'
    refused 'on 1' ' fin'
    refused 'on 1: fin'
    refused 'on 1:' 'on 2:' ' fin'
    refused 'fin' 'on 2:' ' fin'
    refused 'on 1:'
    refused ''
    refused '# empty'
    refused 'cert'
    refused 'cert x color=red' 'fin'
    refused 'cert x issuer=nobody' 'fin'
    run -2 "$BUILD/origin" --dir "$TMP/d" --script "$TMP/none"
    [[ $output == *'No such file'* ]]
}

@test "command line errors: status 2" {
    for args in '' '--dir' '--nope' '--dir x y' '--dir x --port no' '--dir x --port 65536' '--pattern -1'; do
        # shellcheck disable=SC2086
        (cd "$TMP" && run -2 timeout 20 "$BUILD/origin" $args) || { echo "accepted: $args"; return 1; }
    done
    run -2 timeout 20 "$BUILD/origin" --dir "$TMP/d" --cert nobody
    run -2 timeout 20 "$BUILD/origin" --dir "$TMP/d" --address 300.0.0.1
    run -0 "$BUILD/origin" --help
    [[ $output == *expect-head*'options of tls'*clientauth* ]]
}
