# SPDX-License-Identifier: MIT
# What becomes of a request's head inside TLS: HTTP/2 in the clear is not asked for there, and nothing else is touched.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash and dial.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load dial

H2C=('Connection: Upgrade, HTTP2-Settings' 'Upgrade: h2c' 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA')

# inside_is HEAD...: exactly that is what arrived inside TLS
inside_is() {
    printf '%s\r\n' "$@" "X-Canary: $CANARY" '' >"$TMP/want"
    grep -av '^--- conn' "$ORIGIN_DIR/inside.log" | sed '/./,$!d' >"$TMP/inside"
    cmp "$TMP/want" "$TMP/inside" || {
        cat -v "$TMP/inside" >&2
        return 1
    }
}

governs() {
    new_origin honest
    policy "localhost:PORT verify ca=CA audit=AUDIT"
}

@test "curl --http2: the offer of h2c does not go inside" {
    governs
    tlsup_run -p "$ORIGIN_DIR/policy.conf" -- curl -sS --fail --http2 --noproxy '*' -H "X-Canary: $CANARY" -o "$TMP/got" -w '%{http_version}' \
        "http://localhost:$ORIGIN_PORT/bytes/1000" >"$TMP/version"
    [ "$(<"$TMP/version")" = 1.1 ]
    pattern 1000 | cmp - "$TMP/got"
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    run ! grep -aiE 'h2c|http2-settings|upgrade' "$ORIGIN_DIR/inside.log"
}

@test "h2c goes, whole or in pieces; the rest stays as it was" {
    for pieces in 4096 7 1; do
        governs
        request 'GET /bytes/10?h2c HTTP/1.1' 'host:localhost ' "${H2C[@]}" 'X:  upgrade, h2c' 'Connection: close'
        dial -n "$pieces"
        assert_upgraded
        inside_is 'GET /bytes/10?h2c HTTP/1.1' 'host:localhost ' 'X:  upgrade, h2c' 'Connection: close'
        stop_origin
    done
}

@test "h2c goes and another protocol stays" {
    governs
    request 'GET / HTTP/1.1' 'Host: localhost' 'Upgrade: h2c, IRC/6.9' 'Connection: close, Upgrade, HTTP2-Settings' 'HTTP2-Settings: A'
    dial
    assert_upgraded
    inside_is 'GET / HTTP/1.1' 'Host: localhost' 'Upgrade: IRC/6.9' 'Connection: close, Upgrade'
}

@test "a folded list without its h2c does not end the head" {
    governs
    request 'GET / HTTP/1.1' 'Host: localhost' 'Connection: close' 'Upgrade: h2c, IRC/6.9' ' ' 'X: y'
    dial
    assert_upgraded
    inside_is 'GET / HTTP/1.1' 'Host: localhost' 'Connection: close' 'Upgrade: IRC/6.9' 'X: y'
}

@test "a WebSocket handshake is not touched" {
    governs
    local head=('GET / HTTP/1.1' 'Host: localhost' 'Connection: keep-alive,, Upgrade' 'upgrade:websocket' 'Sec-WebSocket-Version: 13' 'Connection: close')
    request "${head[@]}"
    dial
    assert_upgraded
    inside_is "${head[@]}"
}

@test "in the clear nothing is touched" {
    new_origin honest
    policy 'localhost:PORT none audit=AUDIT'
    request 'GET / HTTP/1.1' 'Host: localhost' "${H2C[@]}" 'Connection: close'
    dial
    assert_clear 'HTTP2-Settings: A'
}

# Through a small socket buffer to a server that reads late: the heads wait, and so does the last that a program gives
@test "heads that the socket does not take at once" {
    for way in block stop; do
        new_origin 'expect-head; 101; tls; options-answer; serve 1; sleep 300; serve 399; close-notify; fin'
        policy 'localhost:PORT verify ca=CA audit=AUDIT'
        tlsup_run -p "$ORIGIN_DIR/policy.conf" -- python3 - "$ORIGIN_PORT" "$CANARY" "$way" >"$TMP/answers" <<'PY'
import select, socket, sys, threading
port, canary, way = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3]
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
s.connect(("127.0.0.1", port))
def head(i):
    return b"GET /bytes/1?%03d HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: HTTP2-Settings, Upgrade\r\n" \
           b"HTTP2-Settings: A\r\nX: %s %s\r\n\r\n" % (i, canary, b"x" * 2000)
data = b"".join(head(i) for i in range(400))
got = b""
s.setblocking(way == "block")
if way == "block":
    reader = threading.Thread(target=lambda: [globals().__setitem__("got", got + b) for b in iter(lambda: s.recv(65536), b"")])
    reader.start()
    s.sendall(data)
    reader.join()
else:
    sent = len(head(0))
    s.setblocking(True)
    s.sendall(data[:sent])
    got = s.recv(65536)
    s.setblocking(False)
    try: # until it takes no more: what it took waits with us, and nothing is given behind it
        while sent < len(data):
            sent += s.send(data[sent:sent + 2 * len(head(0))])
    except BlockingIOError:
        pass
    want = data[:sent].count(b"\r\n\r\n")
    while got.count(b"HTTP/1.1 200 ") < want and select.select([s], [], [], 5)[0]:
        got += s.recv(65536)
    print(want < 400 and data[:sent].endswith(b"\r\n\r\n"), end=" ")
    s.close()
    got += b"HTTP/1.1 200 " * (400 - want)
print(got.count(b"HTTP/1.1 200 "))
PY
        [ "$(<"$TMP/answers")" = "$([[ $way == block ]] || echo 'True ')400" ] || show
        assert_inside "$CANARY"
        run ! grep -aiE 'h2c|http2-settings|upgrade' "$ORIGIN_DIR/inside.log"
        assert_no_clear "$CANARY"
        stop_origin
    done
}
