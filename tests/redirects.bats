# SPDX-License-Identifier: MIT
# redirects=rewrite: a client without TLS follows a site that sends everybody to https, and keeps its cookies. Bodies are
# never touched.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash and of bats, which runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial

# site [STEP...]: an origin whose TLS port is for https; its steps are those of every connection
site() {
    local dir
    dir=$(mktemp -d "$TMP/row.XXXXXX")
    cp "$BATS_FILE_TMPDIR"/certs/*.{pem,key,pin} "$dir"
    printf '%s\n' "$@" >"$dir/script"
    start_origin --dir "$dir" --reuse --script "$dir/script"
    CANARY=canary-$RANDOM-$RANDOM
    URL=http://localhost:$ORIGIN_PORT
}

rule() {
    policy "localhost:PORT,80 ${LEVEL:-verify} $([[ ${LEVEL:-} == may ]] || echo ca=CA) audit=AUDIT implicit-port=$ORIGIN_TLS_PORT $*"
}

protected() {
    tlsup_run -p "$ORIGIN_DIR/policy.conf" -- "$@"
}

# moved TO: a response that redirects
moved() {
    printf 'tls-send "HTTP/1.1 301 Moved\\r\\nLocation: %s\\r\\nContent-Length: 0\\r\\n\\r\\n"' "$1"
}

@test "http, https, another name, and back: followed to the end by clients without TLS" {
    # the port of https is not known before the origin runs: 8443 stands for it, and the script asks for it by implicit-port
    site 'on 1-:' tls serve
    rule try=implicit redirects=rewrite
    local page="/redirect?to=https://localhost:$ORIGIN_TLS_PORT/redirect?to=https://127.0.0.1:$ORIGIN_TLS_PORT/bytes/3000"
    run -0 protected curl -sSL --proto =http -H "X-Canary: $CANARY" -o "$TMP/got" "$URL$page"
    cmp "$TMP/got" <(pattern 3000)
    run -0 protected wget -q -O "$TMP/got" --header "X-Canary: $CANARY" "$URL$page"
    cmp "$TMP/got" <(pattern 3000)
    run -0 protected busybox wget -q -O "$TMP/got" --header "X-Canary: $CANARY" "$URL$page"
    cmp "$TMP/got" <(pattern 3000)
    run -0 protected python3 -c 'import sys, urllib.request as u
r = u.Request(sys.argv[1], headers={"X-Canary": sys.argv[2]})
assert u.urlopen(r).geturl().startswith("http://")' "$URL$page" "$CANARY"
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "keep is the default: not a byte changes" {
    site 'on 1-:' tls tls-expect-head "$(moved 'https://localhost/x')" close-notify fin
    rule try=implicit
    run -0 protected curl -sS -i -H "X-Canary: $CANARY" "$URL/"
    [[ $output == *'Location: https://localhost/x'* ]]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "links that the policy does not carry stay, and so does everything else in the head" {
    local answer='HTTP/1.1 200 OK\r\nlocation : https://localhost/a\r\nContent-Location: https://localhost/b\r\nRefresh: 1; url=https://localhost/c\r\nX-Link: https://localhost/d\r\nContent-Location: https://elsewhere.test/e\r\nContent-Length: 20\r\n\r\nhttps://localhost/f\n'
    site 'on 1-:' tls tls-expect-head "tls-send \"$answer\"" close-notify fin
    rule try=implicit redirects=rewrite
    run -0 protected curl -sS -i -H "X-Canary: $CANARY" "$URL/"
    diff <(tr -d '\r' <<<"$output") - <<'X'
HTTP/1.1 200 OK
location : https://localhost/a
Content-Location: https://localhost/b
Refresh: 1; url=https://localhost/c
X-Link: https://localhost/d
Content-Location: https://elsewhere.test/e
Content-Length: 20

https://localhost/f
X
    policy "localhost:PORT,80 verify ca=CA audit=AUDIT try=implicit redirects=rewrite implicit-port=$ORIGIN_TLS_PORT" \
        "a.test verify try=implicit" "b.test may" "c.test verify mode=testing" "d.test none"
    answer='HTTP/1.1 200 OK\r\nContent-Location: https://a.test/\r\nContent-Location: https://b.test/\r\nContent-Location: https://c.test/\r\nContent-Location: https://d.test/\r\nContent-Length: 0\r\n\r\n'
    stop_origin
    site 'on 1-:' tls tls-expect-head "tls-send \"$answer\"" close-notify fin
    policy "localhost:PORT,80 verify ca=CA audit=AUDIT try=implicit redirects=rewrite implicit-port=$ORIGIN_TLS_PORT" \
        "a.test verify try=implicit" "b.test may" "c.test verify mode=testing" "d.test none"
    run -0 protected curl -sS -i -H "X-Canary: $CANARY" "$URL/"
    [ "$(tr -d '\r' <<<"$output" | sed -n 's/^Content-Location: //p' | xargs)" = 'http://a.test/ https://b.test/ https://c.test/ https://d.test/' ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a head in pieces, interim responses, a body that looks like one, and every way to read" {
    site 'on 1-:' tls tls-expect-head 'records 7' \
        'tls-send "HTTP/1.1 103 Early Hints\r\nLocation: https://localhost/\r\n\r\nHTTP/1.1 302 F\r\nLocation: https://localhost/\r\nContent-Length: 51\r\n\r\n"' \
        'tls-send "HTTP/1.1 302 F\r\nLocation: https://localhost/\r\n\r\nend"' tls-expect-head \
        'tls-send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nLocation: https://localhost/\r\n\r\n"' \
        close-notify fin
    policy "localhost:PORT verify ca=CA audit=AUDIT try=implicit redirects=rewrite implicit-port=$ORIGIN_TLS_PORT" \
        "localhost verify try=implicit"
    cat >"$TMP/read.py" <<'PY'
import select, socket, sys
request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode()
def one(s, n):
    p = select.poll(); p.register(s, select.POLLIN)
    got = b""
    while len(got) < n:
        if how == "poll": assert p.poll(3000)
        if how == "peek":
            seen = s.recv(5, socket.MSG_PEEK)
            b = s.recv(5)
            assert b.startswith(seen), (b, seen)
        elif how == "poll":
            s.setblocking(False)
            b = s.recv(3) # ready means ready
            s.setblocking(True)
        else:
            b = s.recv(1 if how == "byte" else 4096)
        assert b
        got += b
    return got
want = (b"HTTP/1.1 103 Early Hints\r\nLocation: http://localhost/\r\n\r\nHTTP/1.1 302 F\r\nLocation: http://localhost/\r\nContent-Length: 51\r\n\r\n"
        b"HTTP/1.1 302 F\r\nLocation: https://localhost/\r\n\r\nend")
more = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nLocation: https://localhost/\r\n\r\n"
for how in ("all", "byte", "peek", "poll"):
    s = socket.create_connection(("localhost", int(sys.argv[1])))
    s.sendall(request)
    got = one(s, len(want))
    assert got == want, (how, got)
    s.sendall(request)
    got = one(s, len(more))
    assert got == more, (how, got)
    assert s.recv(1) == b""
print("same")
PY
    run -0 protected python3 "$TMP/read.py" "$ORIGIN_PORT" "$CANARY"
    [ "$output" = same ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a head that is cut is the program's as far as it came, and then an error" {
    site 'on 1-:' tls tls-expect-head 'tls-send "HTTP/1.1 302 F\r\nLocation: https://loc"' rst
    rule try=implicit redirects=rewrite
    run protected python3 -c 'import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
got = b""
try:
    while True:
        b = s.recv(100)
        if not b: break
        got += b
except OSError as e: print(type(e).__name__)
print(got)' "$ORIGIN_PORT" "$CANARY"
    [ "$output" = "ConnectionResetError"$'\n'"b'HTTP/1.1 302 F\\r\\nLocation: https://loc'" ]
    assert_no_clear "$CANARY"
}

@test "a loop is ended by the port of https" {
    # in band everybody is sent to https, where the page is
    site 'on plain 1-:' expect-head 101 tls options-answer tls-expect-head \
        'tls-send "HTTP/1.1 301 Moved\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n"' 'sleep 300' fin \
        'on tls 1-:' tls serve
    policy "localhost:PORT,80 verify ca=CA audit=AUDIT try=upgrade,implicit redirects=rewrite implicit-port=$ORIGIN_TLS_PORT"
    cat >"$TMP/follow.py" <<'PY'
import http.client, sys
port, canary = int(sys.argv[1]), sys.argv[2]
c = http.client.HTTPConnection("localhost", port)
for i in range(5):
    # what is asked for is "http://localhost/", whose port the test cannot have
    c.request("GET", "/", headers={"Host": "localhost", "X-Canary": canary})
    r = c.getresponse()
    body = r.read()
    print(r.status, r.getheader("Location"))
    if r.status == 200:
        break
    c.close()
PY
    run -0 protected python3 "$TMP/follow.py" "$ORIGIN_PORT" "$CANARY"
    [ "$output" = $'301 http://localhost/\n200 None' ]
    [ "$(jq -r 'select(.event == "decision") | .strategy' "$ORIGIN_DIR/audit" | xargs)" = 'upgrade implicit' ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a connection that is kept ends after a loop, before a byte of the next request" {
    site 'on plain 1-:' expect-head 101 tls options-answer tls-expect-head \
        'tls-send "HTTP/1.1 301 Moved\r\nLocation: https://localhost/\r\nContent-Length: 2\r\n\r\nno"' 'tls-expect-head' fin \
        'on tls 1-:' tls serve
    policy "localhost:PORT,80 verify ca=CA audit=AUDIT try=upgrade,implicit redirects=rewrite implicit-port=$ORIGIN_TLS_PORT"
    run -0 protected python3 -c 'import socket, sys
request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode()
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(request)
got = b""
while True:
    b = s.recv(1000)
    got += b
    if not b: break
print(got[-2:])
try: s.sendall(request); print("sent")
except OSError as e: print(type(e).__name__)' "$ORIGIN_PORT" "$CANARY"
    [ "$output" = "b'no'"$'\nConnectionResetError' ]
    [ "$(grep -aoc "$CANARY" "$ORIGIN_DIR/inside.log")" = 1 ]
    assert_no_clear "$CANARY"
}

@test "cookies that are Secure come back from curl, wget and python" {
    local answer='HTTP/1.1 200 OK\r\nSet-Cookie: sid=4711; Path=/; Secure; HttpOnly\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    site 'on 1-:' tls tls-expect-head "tls-send \"$answer\"" close-notify fin
    # what curl takes for a secure place is localhost, too
    policy "localhost:PORT verify ca=CA audit=AUDIT try=implicit redirects=rewrite" \
        "srv.test:PORT verify ca=CA audit=AUDIT try=implicit redirects=rewrite match=localhost"
    local other=http://srv.test:$ORIGIN_PORT/ at="srv.test:$ORIGIN_PORT:127.0.0.1"
    for jar in curl wget python; do
        case $jar in
            curl) run -0 protected curl -sS --resolve "$at" -H "X-Canary: $CANARY" -c "$TMP/curl" "$other" \
                --next -sS --resolve "$at" -b "$TMP/curl" "$other" ;;
            wget) run -0 protected wget -q -O /dev/null --header "X-Canary: $CANARY" --save-cookies "$TMP/jar" --keep-session-cookies "$URL/"
                run -0 protected wget -q -O /dev/null --load-cookies "$TMP/jar" "$URL/" ;;
            python) run -0 protected python3 -c 'import sys, urllib.request as u, http.cookiejar as h
o = u.build_opener(u.HTTPCookieProcessor(h.CookieJar()))
for i in range(2): o.open(u.Request(sys.argv[1], headers={"X-Canary": sys.argv[2]})).read()' "$URL/" "$CANARY" ;;
        esac
        [ "$(grep -ac '^Cookie: sid=4711' "$ORIGIN_DIR/inside.log")" -ge 1 ] || {
            echo "$jar did not send it back" >&2
            return 1
        }
        : >"$ORIGIN_DIR/inside.log"
    done
    assert_no_clear sid=4711
}
