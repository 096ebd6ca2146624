# SPDX-License-Identifier: MIT
# The strategy connect against proxies that say and do anything: the origin's scripts play the proxy and, in its tunnel,
# the server. And what a connection to a proxy may carry in the clear.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash and dial.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load dial

FIELDS=('Host: srv.test' 'Connection: close' 'Proxy-Authorization: Basic dTpw' 'Proxy-Connection: close')
OK='send "HTTP/1.1 200 Connection established\r\n\r\n"'

# proxied SCRIPT-STEPS [LEVEL] [POLICY-LINE...]: a proxy, its line, and a request for http://srv.test/
proxied() {
    new_origin "expect-head; $1"
    policy "localhost:PORT ${2:-verify} proxy=yes audit=AUDIT timeout=2$(trust "${2:-verify}")" "${@:3}"
    request 'GET http://srv.test/a HTTP/1.1' "${FIELDS[@]}"
}
trust() {
    [[ $1 != verify* ]] || echo ' ca=CA'
}

# asked [ORIGIN]: what the proxy was asked in the clear is CONNECT, and nothing of the request
asked() {
    local want
    want=$(printf 'CONNECT %s HTTP/1.1\nHost: %s\nProxy-Authorization: Basic dTpw' "${1:-srv.test:443}" "${1:-srv.test:443}")
    [[ $(grep -a -m3 -v -e '^--- conn' -e '^$' "$ORIGIN_DIR/clear.log" | tr -d '\0\r') == "$want" ]] || show
    run ! grep -aEq 'GET|Proxy-Connection' "$ORIGIN_DIR/clear.log"
}

# refused ERRNO RESULT_TYPE REASON-REGEX: after CONNECT, and nothing of the request went anywhere
refused() {
    assert_refused "$@"
    asked
}

@test "the request goes inside, as the origin wants it" {
    proxied "$OK; tls; serve 1"
    dial
    assert_upgraded
    asked
    grep -aqx $'GET /a HTTP/1.1\r' "$ORIGIN_DIR/inside.log"
    grep -aqx $'Host: srv.test\r' "$ORIGIN_DIR/inside.log"
    grep -aqx $'Connection: close\r' "$ORIGIN_DIR/inside.log"
    run ! grep -aqi proxy "$ORIGIN_DIR/inside.log"
    [ "$(jq -r 'select(.event == "decision") | .strategy' "$ORIGIN_DIR/audit")" = connect ]
}

@test "interim answers, and a body that 2xx announces" {
    proxied 'send "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        send "HTTP/1.0 204 x\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n"; tls; serve 1'
    dial
    assert_upgraded
}

@test "an answer in pieces" {
    proxied "split 1; $OK; split 0; tls; serve 1"
    dial -n 7 -p 1
    assert_upgraded
}

@test "the port: 80 means 443, others are asked for as they are" {
    proxied "$OK; tls; serve 1"
    request 'GET http://srv.test:8080/ HTTP/1.1' 'Host: srv.test:8080' "${FIELDS[@]:1}"
    dial
    assert_upgraded
    asked srv.test:8080
}

@test "the port: implicit-port= of the origin's line" {
    proxied "$OK; tls; serve 1" verify 'srv.test encrypt implicit-port=8443'
    dial
    assert_upgraded
    asked srv.test:8443
    [[ $(decisions) == *' verify enforce -' ]]
}

# ---- hostile ----

@test "bytes behind the 2xx" {
    proxied 'send "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; hang'
    dial
    refused EPROTO tlsup-response-injection "bytes came right behind the proxy's answer to CONNECT"
}

@test "a server that takes CONNECT for any request" {
    proxied 'send "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; expect 5; send "HTTP/1.1 400 Bad Request\r\n\r\n"; fin'
    dial
    refused EACCES validation-failure '.*'
}

@test "a head that is too large" {
    proxied 'send "HTTP/1.1 200 OK\r\nX: "; send-repeat 17000 "x"; hang'
    dial
    refused EPROTO tlsup-head-too-large "the answer's head is larger than 16 KiB"
}

@test "silence" {
    proxied hang
    dial
    refused ETIMEDOUT validation-failure '.*'
}

@test "no HTTP, surplus interim answers, a switch" {
    for row in 'send "200 OK\r\n\r\n"; hang|malformed: .*' 'send "HTTP/1.1 2000 OK\r\n\r\n"; hang|malformed: .*' \
        'send "HTTP/1.1 200 OK\nX: y\n\n"; hang|malformed: .*' 'send-repeat 9 "HTTP/1.1 100 Continue\r\n\r\n"; hang|not one' \
        'send "HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0\r\n\r\n"; hang|not one'; do
        proxied "${row%|*}"
        dial
        refused EPROTO tlsup-bad-answer "the proxy's answer to CONNECT is ${row#*|}"
        stop_origin
    done
}

@test "the wrong server at the tunnel's end" {
    proxied "$OK; tls cert=other; hang"
    dial
    refused EKEYREJECTED certificate-host-mismatch '.*'
}

@test "a server that speaks before it is asked" {
    proxied "$OK; tls max=1.2; tls-send \"HTTP/1.1 200 OK\r\n\r\n\"; hang"
    # a program that looks now and then: what the server says behind its last word of the handshake is there by then
    run tlsup_run -p "$ORIGIN_DIR/policy.conf" -- python3 - "$ORIGIN_PORT" "$ORIGIN_DIR/request" <<'PY'
import select, socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.setblocking(False)
s.send(open(sys.argv[2], "rb").read())
for _ in range(4):
    time.sleep(0.2)
    select.select([s], [s], [], 0)
try:
    print(s.recv(100))
except OSError as e:
    print(e)
PY
    [[ $output == *'Protocol error'* ]] || { echo "$output" >&2; show; }
    [[ $(decisions) == 'blocked tlsup-response-injection EPROTO '* ]] || show
    [[ $(reason) == 'the server spoke inside TLS before it was asked' ]] || show
    assert_no_clear "$CANARY"
    run ! grep -aFq "$CANARY" "$ORIGIN_DIR/inside.log"
}

@test "refusals have their status in the reason" {
    for status in 302 403 426 502; do
        proxied "send \"HTTP/1.1 $status No\r\nContent-Length: 0\r\n\r\n\"; hang"
        dial
        refused EACCES tlsup-proxy-refused "the proxy answered $status to CONNECT"
        stop_origin
    done
}

@test "a refusal is about that origin and port" {
    proxied 'send "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"; hang'
    printf '%s\n' 'on 3:' 'expect-head' "$OK" tls 'serve 1' >>"$ORIGIN_DIR/script"
    stop_origin
    start_origin --dir "$ORIGIN_DIR" --reuse --script "$ORIGIN_DIR/script"
    policy 'localhost:PORT verify proxy=yes audit=AUDIT ca=CA'
    run tlsup_run -p "$ORIGIN_DIR/policy.conf" -- python3 - "$ORIGIN_PORT" <<'PY'
import socket, sys
for port in b"81", b"81", b"82":
    s = socket.create_connection(("localhost", int(sys.argv[1])))
    try:
        s.sendall(b"GET http://srv.test:" + port + b"/ HTTP/1.1\r\nHost: srv.test:" + port + b"\r\nConnection: close\r\n\r\n")
        print(s.recv(15).decode())
    except OSError as e:
        print(e.errno)
PY
    [[ $(grep -v '^tlsup: ' <<<"$output" | xargs) == '13 13 HTTP/1.1 200 OK' ]] || { echo "$output" >&2; show; }
    [ "$(grep -c ' clear CONNECT ' "$ORIGIN_DIR/events.log")" -eq 2 ] # the second was answered from memory
}

# ---- 407 ----

@test "407: the answer is the program's, and the next request starts over on that connection" {
    new_origin 'expect-head; send "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 5\r\n\r\nhello"; expect-head; send "HTTP/1.1 200 OK\r\n\r\n"; tls; serve 1'
    policy 'localhost:PORT verify proxy=yes audit=AUDIT ca=CA'
    request 'GET http://srv.test/ HTTP/1.1' 'Host: srv.test'
    length=$(stat -c %s "$ORIGIN_DIR/request")
    cat "$ORIGIN_DIR/request" >"$TMP/first"
    request 'GET http://srv.test/ HTTP/1.1' "${FIELDS[@]}"
    cat "$TMP/first" "$ORIGIN_DIR/request" >"$TMP/both"
    mv "$TMP/both" "$ORIGIN_DIR/request"
    dial -k "$length"
    [[ $(calls) == *'recv '*$'\n'*'recv '*EOF* ]] || show
    [[ $(<"$ORIGIN_DIR/got") == 'HTTP/1.1 407 Auth'*hello'HTTP/1.1 200 '* ]] || show
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    [ "$(connections)" -eq 1 ]
    [ "$(decisions)" = $'blocked tlsup-proxy-refused - verify enforce -\nupgraded success - verify enforce -' ] || show
    [ ! -s "$ORIGIN_DIR/stderr.program" ]
}

@test "407: to a proxy that closes, the next request dials again" {
    new_origin 'expect-head; send "HTTP/1.1 407 Auth\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"; fin'
    printf '%s\n' 'on 2:' 'expect-head' "$OK" tls 'serve 1' >>"$ORIGIN_DIR/script"
    stop_origin
    start_origin --dir "$ORIGIN_DIR" --reuse --script "$ORIGIN_DIR/script"
    policy 'localhost:PORT verify proxy=yes audit=AUDIT ca=CA'
    request 'GET http://srv.test/ HTTP/1.1' 'Host: srv.test'
    dial
    [[ $(calls) == *'recv '[1-9]*' EOF'* ]] || show
    [[ $(<"$ORIGIN_DIR/got") == 'HTTP/1.1 407 Auth'*hello ]] || show
    dial
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "407: a request that was the last one is answered with the end behind it" {
    proxied 'send "HTTP/1.1 407 Auth\r\nContent-Length: 5\r\n\r\nhello"; hang'
    dial
    [[ $(calls) == "connect 0
send "*"
recv 45 EOF
close 0" ]] || show
    [[ $(<"$ORIGIN_DIR/got") == 'HTTP/1.1 407 Auth'*hello ]] || show
    asked
    assert_no_clear "$CANARY"
}

@test "407: without an end to its body, or with too much of it" {
    proxied 'send "HTTP/1.1 407 Auth\r\nContent-Length: 90000\r\n\r\n"; send-repeat 9000 "0123456789"; hang'
    dial
    refused EACCES tlsup-proxy-refused 'the proxy answered 407 to CONNECT'
    stop_origin
    proxied 'send "HTTP/1.1 407 Auth\r\nContent-Length: 70\r\n\r\n"; hang'
    dial
    refused ETIMEDOUT validation-failure '.*'
}

# ---- levels, and the clear ----

# plain: in the clear, as the program wrote it
plain() {
    assert_clear "$CANARY"
    grep -aqx $'GET http://srv.test/a HTTP/1.1\r' "$ORIGIN_DIR/clear.log"
    grep -aqx $'Proxy-Authorization: Basic dTpw\r' "$ORIGIN_DIR/clear.log"
}

@test "may: TLS where the tunnel is there" {
    proxied "$OK; tls; serve 1" may
    dial
    assert_upgraded
}

@test "may: a refused tunnel, and the request goes as it is" {
    proxied 'send "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"; hang' may
    dial
    plain
    [[ $(decisions) == 'allowed-plain tlsup-proxy-refused - may '* ]] || show
    [ "$(connections)" -eq 2 ]
    [ "$(jq -r 'select(.event == "close") | .action' "$ORIGIN_DIR/audit")" = allowed-plain ]
}

@test "testing: the same, with what enforce would have done" {
    proxied 'send "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"; hang' 'verify mode=testing'
    dial
    plain
    [[ $(decisions) == 'allowed-plain tlsup-proxy-refused - verify testing block' ]] || show
}

@test "testing: a request of which nobody knows whom it is for does not go, for it may be one of a line that is enforced" {
    proxied hang 'verify mode=testing' 'srv.test verify ca=CA'
    request 'GET http://srv.test/a HTTP/1.1' 'Host: srv.test' 'Host: else.test' "${FIELDS[@]:1}"
    dial
    assert_refused EACCES tlsup-bad-host "the request's authority is malformed or given twice"
}

@test "none: the proxy's line leaves it to the origin's" {
    new_origin honest
    policy 'defaults - audit=AUDIT' 'localhost:PORT none proxy=yes' '* none'
    request 'GET http://srv.test/a HTTP/1.1' "${FIELDS[@]}"
    dial
    plain
    [[ $(decisions) == 'bypass success - none '* ]] || show
}

@test "none and verify: the origin's line decides" {
    proxied "$OK; tls; serve 1"
    policy 'defaults - audit=AUDIT' 'localhost:PORT none proxy=yes' '* verify ca=CA'
    dial
    assert_upgraded
}

@test "reject: the origin's" {
    proxied hang verify
    policy 'defaults - audit=AUDIT' 'localhost:PORT verify proxy=yes' 'srv.test reject'
    dial
    [[ $(calls) == *'send EACCES'* ]] || show
    [[ $(decisions) == 'blocked tlsup-rejected EACCES reject '* ]] || show
    run ! grep -aq HTTP "$ORIGIN_DIR/clear.log"
}

# refused_request LINE REASON: before a byte goes to the proxy
refused_request() {
    new_origin hang
    policy 'defaults - audit=AUDIT' 'localhost:PORT verify proxy=yes' '*:80 verify ca=CA'
    request "$1" "${FIELDS[@]}"
    dial
    [[ $(calls) == *'send EACCES'* ]] || show
    [[ $(decisions) == 'blocked tlsup-bypass-refused EACCES verify '* ]] || show
    [[ $(reason) == "$2" ]] || show
    run ! grep -aq HTTP "$ORIGIN_DIR/clear.log"
    stop_origin
}

@test "what cannot go through a tunnel is refused at mandatory levels" {
    local reason='the request does not ask the proxy for an http:// URL, so it cannot go through a tunnel'
    refused_request 'GET / HTTP/1.1' "$reason"
    refused_request 'GET https://srv.test/ HTTP/1.1' "$reason"
    refused_request 'GET ftp://srv.test/ HTTP/1.1' "$reason"
}

# A program that asks for tunnels also for http (curl -p): what it says in one is judged as it would be without a proxy.
@test "a tunnel of the program's own to a governed port has TLS inside" {
    local way
    for way in together apart; do
        proxied "$OK; tls; serve 1" verify '*:80 verify ca=CA audit=AUDIT'
        cat >"$TMP/tunnel.py" <<'PY'
import socket, sys
port, canary, way = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
s = socket.create_connection(("localhost", port))
ask = b"CONNECT srv.test:80 HTTP/1.1\r\nHost: srv.test:80\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
request = b"GET / HTTP/1.1\r\nHost: srv.test\r\nX-Canary: %s\r\nConnection: close\r\n\r\n" % canary
if way == "together":
    s.sendall(ask + request) # nobody should, and nothing of it may leave
else:
    s.sendall(ask)
    print(s.recv(1000, socket.MSG_PEEK)[:12])
s.settimeout(5)
answer = b""
while b"\r\n\r\n" not in answer: answer += s.recv(1)
print(answer)
if way == "apart": s.sendall(request)
answer = b""
while b := s.recv(1000): answer += b
print(answer[:15])
PY
        run -0 tlsup_run -p "$ORIGIN_DIR/policy.conf" -- python3 "$TMP/tunnel.py" "$ORIGIN_PORT" "$CANARY" "$way"
        [[ $output == *"b'HTTP/1.1 200 Connection established\\r\\n\\r\\n'"$'\n'"b'HTTP/1.1 200 OK'" ]] || { echo "$output"; show; }
        asked
        assert_inside "$CANARY"
        assert_no_clear "$CANARY"
        [[ $(decisions) == 'upgraded success - verify '* ]] || show
        stop_origin
    done
}

@test "a tunnel of the program's own to a governed port where there is no TLS is refused" {
    proxied "$OK; serve 1" verify '*:80 verify ca=CA audit=AUDIT'
    request 'CONNECT srv.test:80 HTTP/1.1' "${FIELDS[@]}"
    dial
    [[ $(calls) == *'send EACCES'* ]] || show
    assert_no_clear "$CANARY"
    proxied 'send "HTTP/1.1 407 Auth\r\nContent-Length: 5\r\n\r\nhello"; hang' verify '*:80 verify ca=CA audit=AUDIT'
    request 'CONNECT srv.test:80 HTTP/1.1' "${FIELDS[@]}"
    dial
    [[ $(<"$ORIGIN_DIR/got") == 'HTTP/1.1 407 Auth'*hello ]] || show
    assert_no_clear "$CANARY"
}

@test "a tunnel of the program's own to a port in no line is its own affair" {
    new_origin 'expect-head; send "HTTP/1.1 200 OK\r\n\r\n"; expect 10; send "bye"; fin'
    policy 'localhost:PORT verify proxy=yes audit=AUDIT' '*:80 verify'
    printf 'CONNECT srv.test:443 HTTP/1.1\r\nHost: srv.test:443\r\n\r\nGET x\r\n\r\nABC' >"$ORIGIN_DIR/request"
    dial -k 57
    [[ $(<"$ORIGIN_DIR/got") == *bye ]] || show
    [[ $(decisions) == 'bypass success '* ]] || show
}

# two REQUEST-LINE REQUEST-LINE: on one connection, the second when the first was answered; the canary is in the second
two() {
    printf '%s\r\nHost: x\r\n\r\n' "$1" >"$ORIGIN_DIR/request"
    local length
    length=$(stat -c %s "$ORIGIN_DIR/request")
    printf '%s\r\nHost: x\r\nX-Canary: %s\r\nConnection: close\r\n\r\n' "$2" "$CANARY" >>"$ORIGIN_DIR/request"
    dial -k "$length"
}

@test "in the clear a later request is looked at as well" {
    new_origin honest
    policy 'defaults - audit=AUDIT' 'localhost:PORT none proxy=yes' 'clear.test none' '*:80,81 verify ca=CA'
    for second in 'GET http://srv.test/ HTTP/1.1' 'GET http://clear.test:81/ HTTP/1.1' 'CONNECT srv.test:80 HTTP/1.1'; do
        two 'GET http://clear.test/ HTTP/1.1' "$second"
        [[ $(calls) == *'send ECONNRESET'* || $(calls) == *'send EPIPE'* ]] || show
        assert_no_clear "$CANARY"
    done
    two 'GET http://clear.test/ HTTP/1.1' 'GET http://clear.test/2 HTTP/1.1'
    assert_clear "$CANARY"
}

@test "a pipelined request is looked at as well" {
    new_origin honest
    policy 'defaults - audit=AUDIT' 'localhost:PORT none proxy=yes' 'clear.test none' '* verify ca=CA'
    printf 'GET http://clear.test/ HTTP/1.1\r\nHost: clear.test\r\n\r\nGET http://srv.test/ HTTP/1.1\r\nHost: srv.test\r\nX: %s\r\n\r\n' \
        "$CANARY" >"$ORIGIN_DIR/request"
    dial
    assert_no_clear "$CANARY"
    [[ $(calls) == *ECONNRESET* ]] || show
}

@test "a refused CONNECT of the program's own does not open the way for others" {
    new_origin 'expect-head; send "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"; hang'
    policy 'localhost:PORT verify proxy=yes audit=AUDIT ca=CA' '*:80 verify ca=CA'
    two 'CONNECT srv.test:443 HTTP/1.1' 'GET http://srv.test/ HTTP/1.1'
    assert_no_clear "$CANARY"
    [[ $(calls) == *'send ECONNRESET'* ]] || show
}

@test "inside the tunnel what is no request, or is framed as nobody knows, ends the connection" {
    for second in 'X' 'GET http://srv.test/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked' \
        'GET / HTTP/1.1' 'GET https://srv.test/ HTTP/1.1' 'GET http://srv.test:81/ HTTP/1.1'; do
        proxied "$OK; tls; serve"
        two 'GET http://srv.test/ HTTP/1.1' "$(printf '%b' "$second")"
        [[ $(calls) == *'send ECONNRESET'* ]] || show
        assert_no_clear "$CANARY"
        run ! grep -aFq "$CANARY" "$ORIGIN_DIR/inside.log"
        stop_origin
    done
}

@test "a proxy whose name nobody resolved here is known by the request" {
    proxied "$OK; tls; serve 1"
    sed -i "s/^localhost:/proxy.test:/" "$ORIGIN_DIR/policy.conf"
    HOST=127.0.0.1 dial
    assert_upgraded
    asked
}

@test "CONNECT to what is no proxy for the policy goes inside like any request, and the answer to it comes from there" {
    for level in encrypt may; do
        new_origin 'expect-head; 101; tls; options-answer; serve 1'
        policy "*:PORT $level audit=AUDIT"
        request 'CONNECT srv.test:80 HTTP/1.1' 'Host: srv.test:80'
        dial
        [[ $(<"$ORIGIN_DIR/got") == 'HTTP/1.1 404 '* ]] || show
        grep -aqx $'CONNECT srv.test:80 HTTP/1.1\r' "$ORIGIN_DIR/inside.log" || show
        assert_inside "$CANARY"
        assert_no_clear "$CANARY"
        stop_origin
    done
}
