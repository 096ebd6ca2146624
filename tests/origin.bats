# SPDX-License-Identifier: MIT
# The test origin against software that we did not write: curl, ab, openssl s_client, python's http.client.
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib
load peers

setup() {
    free_temp_dir
}

@test "it says where it listens, and SIGTERM ends it with 0" {
    start_origin
    run -0 cat "$ORIGIN_DIR/stdout"
    [ "${lines[0]}" = "port $ORIGIN_PORT" ]
    [ "${lines[1]}" = "tls-port $ORIGIN_TLS_PORT" ]
    [ "${lines[2]}" = "pid $ORIGIN_PID" ]
    [ "${lines[3]}" = ready ]
    cmp "$ORIGIN_DIR/stdout" "$ORIGIN_DIR/ready"
    stop_origin
}

@test "SIGTERM ends it with 0 while clients hang" {
    script 'on 1:' '  hang' 'on 2:' '  sleep 60000'
    start_origin --script "$TMP/script"
    exec 4<>"/dev/tcp/127.0.0.1/$ORIGIN_PORT" 5<>"/dev/tcp/127.0.0.1/$ORIGIN_PORT" 6<>"/dev/tcp/127.0.0.1/$ORIGIN_PORT"
    wait_event 'conn 3 accept'
    stop_origin
    exec 4>&- 5>&- 6>&-
}

@test "several addresses have the same ports" {
    start_origin --address 127.0.0.1 --address 127.0.0.2
    get -f "http://127.0.0.2:$ORIGIN_PORT/" >"$TMP/page"
    get -f "http://127.0.0.1:$ORIGIN_PORT/" | cmp - "$TMP/page"
}

@test "pattern: a known sequence, from any offset" {
    [ "$(pattern 4 | od -An -tx1 | tr -d ' ')" = 001f3e5d ]
    [ "$(pattern 3 256 | od -An -tx1 | tr -d ' ')" = 01203f ]
    python3 -c 'import sys; sys.stdout.buffer.write(bytes((i*31+(i>>8))&255 for i in range(200000)))' >"$TMP/want"
    pattern 200000 | cmp - "$TMP/want"
    pattern 100000 100000 | cmp - <(tail -c 100000 "$TMP/want")
}

@test "bodies arrive whole, in the clear and inside TLS" {
    start_origin
    local base path n
    for base in "http://127.0.0.1:$ORIGIN_PORT" "https://localhost:$ORIGIN_TLS_PORT"; do
        for path in bytes chunked eof; do
            for n in 0 1 100 8192 8193 65536 3000000; do
                get -f "$base/$path/$n" | cmp - <(pattern "$n")
            done
        done
    done
}

@test "HTTP/1.0 clients get neither chunks nor keep-alive unless they ask" {
    start_origin
    get -0 -i "http://127.0.0.1:$ORIGIN_PORT/chunked/5" >"$TMP/out"
    grep -q 'Connection: close' "$TMP/out"
    run -1 grep -qi chunked "$TMP/out"
    run -0 raw 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /status/404 HTTP/1.0\r\n\r\n'
    [[ $output == *'200 OK'*keep-alive*'404 Not Found'*close* ]]
}

@test "HEAD, status, redirect, headers, 404, absolute form" {
    start_origin
    local base=http://127.0.0.1:$ORIGIN_PORT
    run -0 get -I "$base/bytes/1234"
    [[ $output == *'Content-Length: 1234'* ]]
    [ "$(get -o "$TMP/x" -w '%{http_code}' "$base/status/503")" = 503 ]
    [ "$(get -o "$TMP/x" -w '%{http_code} %{size_download}' "$base/status/204")" = '204 0' ]
    [ "$(get -o "$TMP/x" -w '%{http_code}' "$base/nothing")" = 404 ]
    [ "$(get -o "$TMP/x" -w '%{redirect_url}' "$base/redirect?to=http://x.test/y")" = http://x.test/y ]
    get -H 'X-Canary: abc' "$base/headers" | grep -q '^X-Canary: abc'
    get -x "$base" --noproxy '' "http://srv.test/bytes/10" | cmp - <(pattern 10)
    [ "$(get -X OPTIONS --request-target '*' -o "$TMP/x" -w '%{http_code}' "$base/")" = 200 ]
}

@test "Range: 206, 416, and what is not a range is ignored" {
    start_origin
    local u=https://localhost:$ORIGIN_TLS_PORT/bytes/100000
    get -r 10-19 "$u" | cmp - <(pattern 10 10)
    get -r 99990- "$u" | cmp - <(pattern 10 99990)
    get -r -5 "$u" | cmp - <(pattern 5 99995)
    get -r 0-200000 "$u" | cmp - <(pattern 100000)
    [ "$(get -r 10-19 -o "$TMP/x" -w '%{http_code}' "$u")" = 206 ]
    [ "$(get -r 100000- -o "$TMP/x" -w '%{http_code}' "$u")" = 416 ]
    [ "$(get -H 'Range: lines=1-2' -o "$TMP/x" -w '%{http_code}' "$u")" = 200 ]
}

@test "echo: length, chunks, Expect: 100-continue" {
    start_origin
    pattern 2000000 >"$TMP/body"
    local base
    for base in "http://127.0.0.1:$ORIGIN_PORT" "https://localhost:$ORIGIN_TLS_PORT"; do
        get --data-binary @"$TMP/body" "$base/echo" | cmp - "$TMP/body"
        get -T "$TMP/body" "$base/echo" | cmp - "$TMP/body"
        # shellcheck disable=SC2094 # both only read
        get -T - "$base/echo" <"$TMP/body" | cmp - "$TMP/body"
        get -H 'Expect: 100-continue' --data-binary @"$TMP/body" -v "$base/echo" 2>"$TMP/trace" | cmp - "$TMP/body"
        grep -q '100 Continue' "$TMP/trace"
    done
}

@test "slow answers late" {
    start_origin
    local t0=${EPOCHREALTIME/[.,]/}
    get -f "http://127.0.0.1:$ORIGIN_PORT/slow/300"
    ((${EPOCHREALTIME/[.,]/} - t0 >= 290000))
}

@test "ab: keep-alive, no keep-alive, TLS; nothing fails" {
    command -v ab >/dev/null || skip "ab is not installed"
    start_origin
    ab -q -k -c 20 -n 4000 "http://127.0.0.1:$ORIGIN_PORT/" >"$TMP/ab"
    grep -Eq 'Failed requests: +0$' "$TMP/ab"
    grep -Eq 'Keep-Alive requests: +4000$' "$TMP/ab"
    ab -q -c 50 -n 1000 "http://127.0.0.1:$ORIGIN_PORT/bytes/20000" >"$TMP/ab"
    grep -Eq 'Failed requests: +0$' "$TMP/ab"
    ab -q -k -c 50 -n 1000 "https://127.0.0.1:$ORIGIN_TLS_PORT/" >"$TMP/ab"
    grep -Eq 'Failed requests: +0$' "$TMP/ab"
    stop_origin
}

@test "openssl verifies every certificate as its name says" {
    start_origin
    check() { openssl verify -CAfile "$ORIGIN_CA" -purpose sslserver -verify_hostname localhost "$ORIGIN_DIR/$1.pem"; }
    run -0 check good
    run -2 check other
    [[ $output == *'hostname mismatch'* ]]
    run -2 check expired
    [[ $output == *'has expired'* ]]
    run -2 check future
    [[ $output == *'not yet valid'* ]]
    run -2 check untrusted
    run -2 check clientauth
    [[ $output == *'unsuitable certificate purpose'* || $output == *'unsupported certificate purpose'* ]]
    run -2 check selfsigned
    [[ $output == *self*signed* ]]
    run -0 check revoked
    run -2 openssl verify -CAfile "$ORIGIN_CA" -crl_check -CRLfile "$ORIGIN_DIR/ca.crl" "$ORIGIN_DIR/revoked.pem"
    [[ $output == *'certificate revoked'* ]]
    run -0 openssl verify -CAfile "$ORIGIN_CA" -crl_check -CRLfile "$ORIGIN_DIR/ca.crl" "$ORIGIN_DIR/good.pem"
    run -0 openssl x509 -in "$ORIGIN_DIR/cnonly.pem" -noout -subject -ext subjectAltName
    [[ $output == *'CN = localhost'* && $output != *DNS:* ]]
    run -0 openssl verify -CAfile "$ORIGIN_CA" -verify_ip ::1 "$ORIGIN_DIR/good.pem"
    run -0 openssl verify -CAfile "$ORIGIN_CA" -verify_hostname a.wild.test "$ORIGIN_DIR/good.pem"
    local pin
    pin=sha256//$(openssl x509 -in "$ORIGIN_DIR/good.pem" -pubkey -noout | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | base64)
    [ "$pin" = "$(cat "$ORIGIN_DIR/good.pin")" ]
    get --pinnedpubkey "$pin" "https://localhost:$ORIGIN_TLS_PORT/" >"$TMP/x"
    [ "$(stat -c %a "$ORIGIN_DIR/good.key")" = 600 ]
}

@test "certificates from a description: SAN bytes, intermediates, chain=no, RSA, reuse" {
    start_origin --make-cert 'mid issuer=ca ca=yes eku=none' --make-cert 'leaf issuer=mid san=dns:localhost' \
        --make-cert 'bare issuer=mid san=dns:localhost chain=no' --make-cert 'long san=dns:localhost extra=30 pad=60000' \
        --make-cert 'nul san=dns:srv.test\x00.evil.test' --make-cert 'small san=ip:192.0.2.7 key=rsa1024 md=sha1' \
        --make-cert 'tied issuer=ca ca=yes permit=corp.test'
    [ "$(grep -c BEGIN "$ORIGIN_DIR/leaf.pem")" = 2 ]
    [ "$(grep -c BEGIN "$ORIGIN_DIR/bare.pem")" = 1 ]
    [ "$(grep -c BEGIN "$ORIGIN_DIR/long.pem")" = 31 ]
    openssl x509 -in "$ORIGIN_DIR/nul.pem" -outform DER | grep -aq $'srv.test.\.evil.test'
    openssl x509 -in "$ORIGIN_DIR/small.pem" -noout -text >"$TMP/text"
    grep -q '1024 bit' "$TMP/text"
    grep -q ecdsa-with-SHA1 "$TMP/text"
    grep -q 'IP Address:192.0.2.7' "$TMP/text"
    openssl x509 -in "$ORIGIN_DIR/tied.pem" -noout -text | grep -q 'DNS:corp.test'
    openssl verify -CAfile "$ORIGIN_CA" -untrusted "$ORIGIN_DIR/leaf.pem" "$ORIGIN_DIR/leaf.pem"
    local before
    before=$(cat "$ORIGIN_DIR"/*.pin)
    stop_origin
    start_origin --dir "$ORIGIN_DIR" --reuse
    [ "$before" = "$(cat "$ORIGIN_DIR"/*.pin)" ]
}

@test "openssl s_client: versions, SNI, ALPN, resumption" {
    start_origin
    client() {
        printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
            timeout 20 openssl s_client -connect "127.0.0.1:$ORIGIN_TLS_PORT" -CAfile "$ORIGIN_CA" -verify_return_error \
                -quiet -ign_eof "$@" 2>&1
    }
    run -0 client -tls1_3 -servername srv.test -alpn h2,http/1.1 -sess_out "$TMP/session"
    [[ $output == *'It works'* ]]
    event 'conn 1 tls TLSv1.3 sni=srv.test alpn=http/1.1 resumed=0'
    run -0 client -tls1_3 -servername srv.test -sess_in "$TMP/session"
    wait_event 'conn 2 tls TLSv1.3 sni=srv.test alpn=- resumed=1'
    run -0 client -tls1_2 -noservername
    wait_event 'conn 3 tls TLSv1.2 sni=- alpn=- resumed=0'
    run -1 client -tls1_1 -cipher ALL:@SECLEVEL=0
    wait_event 'conn 4 tls-failed unsupported protocol'
}

@test "RFC 2817: upgraded, answered inside, served inside; the logs know which side was which" {
    start_origin
    run -0 upgrade 'GET /bytes/5 HTTP/1.1\r\nHost: localhost\r\nX-Canary: inside-1\r\nConnection: close\r\n\r\n'
    [[ $output == 'HTTP/1.1 101 Switching Protocols'*'HTTP/1.1 200 OK'*'Content-Length: 0'*'Content-Length: 5'* ]]
    event 'conn 1 clear OPTIONS \* HTTP/1.1'
    event 'conn 1 upgrade sent-101'
    event 'conn 1 tls TLSv1.3 sni=localhost'
    event 'conn 1 request GET /bytes/5 HTTP/1.1 tls=1 host=localhost'
    assert_inside inside-1
    assert_no_clear inside-1
    assert_clear 'OPTIONS * HTTP/1.1'
}

@test "a GET with Upgrade, or an OPTIONS for something else, is served in the clear" {
    start_origin
    run -0 raw 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade, close\r\n\r\n'
    [[ $output == 'HTTP/1.1 200 OK'*'It works'* ]]
    run -0 raw 'OPTIONS * HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\nX-Canary: clear-1\r\n\r\n'
    [[ $output == 'HTTP/1.1 200 OK'*'Content-Length: 0'* ]]
    assert_clear clear-1
    run -1 assert_inside clear-1
    run -1 assert_no_clear clear-1
}

@test "--no-upgrade answers 200" {
    start_origin --no-upgrade
    run -2 upgrade
    [[ $output == 'HTTP/1.1 200 OK'* ]]
}

@test "bytes behind OPTIONS are an event, and are logged" {
    start_origin
    run -0 raw 'OPTIONS * HTTP/1.1\r\nHost: x\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\n\r\nGET /early-1 HTTP/1.1\r\n\r\n'
    event 'conn 1 early-bytes 25'
    event 'conn 1 tls-failed'
    assert_clear early-1
}

@test "clear bytes where TLS is expected are logged, TLS records are not" {
    start_origin
    exec 4<>"/dev/tcp/127.0.0.1/$ORIGIN_TLS_PORT"
    printf 'GET /astray HTTP/1.1\r\n\r\n' >&4
    wait_event 'conn 1 closed'
    exec 4>&-
    assert_clear 'GET /astray HTTP/1.1'
    get "https://localhost:$ORIGIN_TLS_PORT/" >"$TMP/x"
    wait_event 'conn 2 closed'
    run -1 grep -aq 'conn 2' "$ORIGIN_DIR/clear.log"
}

@test "a canary that arrives in pieces between others' bytes is found" {
    script hang
    start_origin --script "$TMP/script"
    exec 4<>"/dev/tcp/127.0.0.1/$ORIGIN_PORT" 5<>"/dev/tcp/127.0.0.1/$ORIGIN_PORT"
    local piece
    for piece in can ary- in- pieces; do
        printf %s "$piece" >&4
        sleep 0.05
        printf x >&5
        sleep 0.05
    done
    exec 4>&- 5>&-
    wait_event 'conn 1 closed'
    assert_clear canary-in-pieces
}

@test "--quiet writes no logs" {
    start_origin --quiet
    get "http://127.0.0.1:$ORIGIN_PORT/" >"$TMP/x"
    [ ! -s "$ORIGIN_DIR/events.log" ]
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}
