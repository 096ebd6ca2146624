# SPDX-License-Identifier: MIT
# TLS on another port of the same address, and the order of the ways to it: nothing of a request leaves before TLS, the
# program notices nothing, and what it costs when a way is closed, refused or silent.
# check: alone it measures how long a silent server costs
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash and of bats, which runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
load implicit

# ---- which port ----------------------------------------------------------------------------------------------------

@test "implicit first: TCP goes to the port of https at once" {
    two_ports
    rule verify try=implicit,upgrade
    run -0 protected curl -sS -H "X-Canary: $CANARY" "$URL/"
    [[ $output == *"$page"* ]]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    [ "$(wc -c <"$ORIGIN_DIR/clear.log")" = 0 ] || ! grep -q OPTIONS "$ORIGIN_DIR/clear.log"
    [ "$(record strategy fallback_from action)" = 'implicit - upgraded' ]
    [ "$(connections)" = 1 ]
}

@test "a server that will not switch is followed by the port of https, on the same descriptor" {
    two_ports 'on plain 1-:' 'serve no-upgrade'
    rule verify try=upgrade,implicit
    run -0 protected curl -sS -H "X-Canary: $CANARY" "$URL/"
    [[ $output == *"$page"* ]]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    [ "$(record strategy fallback_from action result_type)" = 'implicit upgrade upgraded success' ]
    [ "$(connections)" = 2 ]
}

@test "the program sees the address that it dialled" {
    two_ports
    rule verify try=implicit
    run -0 python <<'PY'
import os, socket, sys
port = int(sys.argv[1])
for early in (True, False):
    s = socket.create_connection(("localhost", port))
    if early:
        print(s.getpeername()[1] == port)
    s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
    print(s.recv(12), s.getpeername()[1] == port)
    os.dup2(s.fileno(), 0)
    print(socket.socket(fileno=0).getpeername()[1] == port)
PY
    [ "$(grep -vc True <<<"$output")" = 0 ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a port that is closed is followed by the next one inside connect(), in every way to wait" {
    two_ports
    local closed
    closed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    policy "localhost:$closed verify ca=CA audit=AUDIT try=upgrade,implicit implicit-port=$ORIGIN_TLS_PORT" \
        "localhost:PORT verify ca=CA audit=AUDIT try=implicit,upgrade implicit-port=$closed"
    cat >"$TMP/dial.py" <<'PY'
import errno, select, socket, sys
canary, ports = sys.argv[1].encode(), [int(p) for p in sys.argv[2:]]
def blocking(s): pass
def timeout(s): s.settimeout(5)
def poll(s):
    p = select.poll(); p.register(s, select.POLLOUT); return p.poll(5000)
def sel(s): return select.select([], [s], [s], 5)
def level(s):
    e = select.epoll(); e.register(s, select.EPOLLOUT | select.EPOLLIN); return e.poll(5)
def edge(s):
    e = select.epoll(); e.register(s, select.EPOLLOUT | select.EPOLLIN | select.EPOLLET); return e.poll(5)
def edge_before(s): pass
for port in ports:
    for way in (blocking, timeout, poll, sel, level, edge, edge_before):
        s = socket.socket()
        if way in (blocking, timeout):
            way(s)
            s.connect(("localhost", port))
        else:
            s.setblocking(False)
            if way is edge_before:
                e = select.epoll(); e.register(s, select.EPOLLOUT | select.EPOLLIN | select.EPOLLET)
            r = s.connect_ex(("127.0.0.1", port))
            assert r in (0, errno.EINPROGRESS), r
            ready = e.poll(5) if way is edge_before else way(s)
            assert ready, way
            assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            assert s.connect_ex(("127.0.0.1", port)) in (0, errno.EISCONN)
            s.setblocking(True)
        assert s.getpeername() == ("127.0.0.1", port)
        s.sendall(b"GET /%s HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % (way.__name__.encode(), canary))
        assert s.recv(8) == b"HTTP/1.1", way
print("done")
PY
    run -0 protected python3 "$TMP/dial.py" "$CANARY" "$closed" "$ORIGIN_PORT"
    [ "$output" = "done" ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    [ "$(jq -r 'select(.event == "decision") | .action' "$ORIGIN_DIR/audit" | sort | uniq -c | xargs)" = '14 upgraded' ]
}

@test "both ports closed: errno, readiness and order are those of TCP" {
    local a b
    read -r a b < <(python3 -c 'import socket
s = [socket.socket() for i in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])')
    mkdir "$TMP/none"
    ORIGIN_DIR=$TMP/none ORIGIN_PORT=$a ORIGIN_CA=/dev/null
    policy "localhost:PORT verify audit=AUDIT try=upgrade,implicit implicit-port=$b"
    cat >"$TMP/fail.py" <<'PY'
import errno, select, socket, sys
port = int(sys.argv[1])
name = lambda n: errno.errorcode.get(n, n)
s = socket.socket()
print("blocking", name(s.connect_ex(("127.0.0.1", port))), name(s.connect_ex(("127.0.0.1", port))))
s = socket.socket(); s.settimeout(3)
print("timeout", name(s.connect_ex(("127.0.0.1", port))))
def poll(s):
    p = select.poll(); p.register(s, select.POLLOUT | select.POLLIN)
    return [hex(e) for f, e in p.poll(4000)]
def epoll(s):
    p = select.epoll(); p.register(s, select.EPOLLOUT | select.EPOLLIN | select.EPOLLET)
    return [hex(e) for f, e in p.poll(4)]
def sel(s): return [len(x) for x in select.select([s], [s], [s], 4)]
for way in (poll, epoll, sel):
    for ask in ("so_error", "connect", "send", "recv"):
        s = socket.socket(); s.setblocking(False)
        print(way.__name__, ask, name(s.connect_ex(("127.0.0.1", port))), way(s), end=" ")
        try:
            if ask == "so_error": print(name(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            if ask == "connect": print(name(s.connect_ex(("127.0.0.1", port))))
            if ask == "send": print(s.send(b"GET"))
            if ask == "recv": print(s.recv(1))
        except OSError as e: print(name(e.errno))
PY
    run -0 python3 "$TMP/fail.py" "$a"
    local without=$output
    run -0 protected python3 "$TMP/fail.py" "$a"
    diff <(echo "$without") <(echo "$output")
}

@test "several addresses with the first one dead" {
    two_ports
    policy "*:PORT verify ca=CA audit=AUDIT try=implicit implicit-port=$ORIGIN_TLS_PORT"
    run -0 protected curl -sS --resolve "localhost:$ORIGIN_PORT:[::1],127.0.0.1" -H "X-Canary: $CANARY" "$URL/"
    [[ $output == *"$page"* ]]
    run -0 protected curl -sS --resolve "localhost:$ORIGIN_PORT:127.0.0.9,127.0.0.1" -H "X-Canary: $CANARY" "$URL/"
    [[ $output == *"$page"* ]]
    run -0 python <<'PY'
import socket, sys
port = int(sys.argv[1])
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
    s = socket.socket(family)
    s.connect((host, port))
    print(s.getpeername()[:2] == (host, port))
    s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
    print(s.recv(8) == b"HTTP/1.1")
PY
    [ "$(sort -u <<<"$output")" = True ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "IPv6 and MPTCP" {
    CANARY=canary-$RANDOM
    local try
    for try in 1 2 3 4 5; do # a port that is free where many are used is mostly free on the other
        ! start_origin --address 127.0.0.1 --address ::1 || break
    done
    URL=http://localhost:$ORIGIN_PORT
    policy "localhost:PORT verify ca=CA audit=AUDIT implicit-port=$ORIGIN_TLS_PORT try=implicit,upgrade"
    run -0 protected curl -sS -6 -H "X-Canary: $CANARY" "$URL/"
    [[ $output == *"$page"* ]]
    run -0 python <<'PY'
import socket, sys
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
except OSError: # a kernel without MPTCP
    s = socket.socket()
s.connect(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
print(s.recv(8))
PY
    [ "$output" = "b'HTTP/1.1'" ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

# ---- time and memory -----------------------------------------------------------------------------------------------

@test "a silent server costs three seconds, once" {
    two_ports 'on plain 1-:' expect-head hang
    rule verify try=upgrade,implicit
    run -0 python <<'PY'
import sys, time, urllib.request
for i in range(3):
    begun = time.monotonic()
    r = urllib.request.Request("http://localhost:%s/" % sys.argv[1], headers={"X-Canary": sys.argv[2]})
    body = urllib.request.urlopen(r).read()
    print(round(time.monotonic() - begun), b"It works" in body)
PY
    diff - <(echo "$output") <<'X'
3 True
0 True
0 True
X
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    [ "$(on_plain_port)" = 1 ]
    [ "$(on_tls_port)" = 3 ]
}

@test "a port of https that swallows everything is given up after three seconds" {
    two_ports 'on tls 1-:' hang
    rule verify try=implicit,upgrade
    run -0 python <<'PY'
import sys, time, urllib.request
begun = time.monotonic()
r = urllib.request.Request("http://localhost:%s/" % sys.argv[1], headers={"X-Canary": sys.argv[2]})
print(b"It works" in urllib.request.urlopen(r).read(), round(time.monotonic() - begun))
PY
    [ "$output" = 'True 3' ]
    [ "$(record strategy fallback_from)" = 'upgrade implicit' ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a port of https that drops what comes is given up inside connect()" {
    two_ports
    cat >"$TMP/full.py" <<'PY'
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
held = []
for i in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); held.append(c)
time.sleep(0.2)
print(s.getsockname()[1], flush=True)
time.sleep(30)
PY
    python3 "$TMP/full.py" >"$TMP/full" 3>&- &
    PIDS+=($!)
    wait_for 5 test -s "$TMP/full"
    policy "localhost:PORT verify ca=CA audit=AUDIT try=implicit,upgrade implicit-port=$(<"$TMP/full")"
    cat >"$TMP/slow.py" <<'PY'
import errno, select, socket, sys, time
port, canary, blocking = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3] == "blocking"
for again in (False, True): # what worked is known then: the second goes to the right port at once
    begun = time.monotonic()
    s = socket.socket()
    s.setblocking(blocking)
    r = s.connect_ex(("127.0.0.1", port))
    if not blocking:
        assert r == errno.EINPROGRESS
        assert again or select.select([], [s], [], 1.5)[1] == []
        p = select.epoll(); p.register(s, select.EPOLLOUT)
        assert p.poll(5)
    print(round(time.monotonic() - begun), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    s.setblocking(True)
    s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % canary)
    print(s.recv(8), round(time.monotonic() - begun)) # it is not dialled once more
PY
    local way
    for way in blocking not; do
        run -0 protected python3 "$TMP/slow.py" "$ORIGIN_PORT" "$CANARY" "$way"
        [ "$output" = $'3 0\nb\'HTTP/1.1\' 3\n0 0\nb\'HTTP/1.1\' 0' ]
    done
    # the program's own patience counts
    run -0 protected python3 -c 'import socket, sys, time
begun = time.monotonic()
s = socket.socket(); s.settimeout(1)
try: s.connect(("127.0.0.1", int(sys.argv[1])))
except OSError as e: print(type(e).__name__, round(time.monotonic() - begun))' "$ORIGIN_PORT"
    [ "$output" = 'TimeoutError 1' ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "all ways failed: each cause by its name, and the errno by rank" {
    two_ports 'on plain 1-:' 'serve no-upgrade' 'on tls 1-:' 'expect 5' rst
    rule verify try=upgrade,implicit
    dial
    [ "$(sed -n 2p "$ORIGIN_DIR/calls")" = 'send EACCES' ]
    [[ $(reason) == 'upgrade: the server answered 200 to the upgrade to TLS; implicit: '*reset* ]]
    [ "$(decisions)" = 'blocked starttls-not-supported EACCES verify enforce -' ]
    run ! grep -aqF "$CANARY" "$ORIGIN_DIR"/{clear,inside}.log
}

@test "a wrong certificate on one way is final" {
    two_ports 'on plain 1-:' expect-head 101 'tls cert=other' options-answer serve
    rule verify try=upgrade,implicit
    dial
    [ "$(sed -n 2p "$ORIGIN_DIR/calls")" = 'send EKEYREJECTED' ]
    [ "$(on_tls_port)" = 0 ]
    run ! grep -aqF "$CANARY" "$ORIGIN_DIR"/{clear,inside}.log
}

# ---- levels --------------------------------------------------------------------------------------------------------

@test "may: the clear on the program's port, when no way is left" {
    local closed
    two_ports 'on plain 1-:' 'serve no-upgrade'
    closed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    for order in implicit upgrade,implicit implicit,upgrade; do
        policy "localhost:PORT may audit=AUDIT try=$order implicit-port=$closed"
        run -0 protected curl -sS -H "X-Canary: $CANARY" "$URL/"
        [[ $output == *"$page"* ]]
    done
    assert_clear "$CANARY"
    [ "$(record action level | sort -u)" = 'allowed-plain may' ]
}

@test "may: a server that answers 426 and asks for TLS is upgraded the next time, within the second too" {
    two_ports 'on plain 1:' expect-head 'send "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"' fin \
        'on plain 2:' expect-head \
        'send "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"' fin \
        'on plain 3:' expect-head 101 tls options-answer serve
    policy "localhost:PORT may audit=AUDIT try=upgrade"
    run -0 python <<'PY'
import sys, urllib.error, urllib.request
for i in range(2):
    try:
        r = urllib.request.Request("http://localhost:%s/" % sys.argv[1], headers={"X-Canary": sys.argv[2] + "-%d" % i})
        print(urllib.request.urlopen(r).status)
    except urllib.error.HTTPError as e: print(e.code)
PY
    [ "$output" = $'426\n200' ]
    assert_clear "$CANARY-0"
    assert_no_clear "$CANARY-1"
    assert_inside "$CANARY-1"
    [ "$(jq -r .result_type "$ORIGIN_DIR/audit" | xargs)" = 'starttls-not-supported tlsup-upgrade-required success success' ]
}

@test "none by the request's name: the program's port, though TCP went elsewhere" {
    two_ports
    policy "open.test:PORT none audit=AUDIT" "*:PORT verify ca=CA audit=AUDIT try=implicit implicit-port=$ORIGIN_TLS_PORT"
    printf 'GET / HTTP/1.1\r\nHost: open.test:%s\r\nX-Canary: %s\r\nConnection: close\r\n\r\n' "$ORIGIN_PORT" "$CANARY" \
        >"$ORIGIN_DIR/request"
    HOST=127.0.0.1 dial
    assert_clear "$CANARY"
    [ "$(record action level)" = 'bypass none' ]
    [ "$(connections)" = 2 ]
}

@test "testing: three seconds in all, then the clear" {
    two_ports 'on plain 1:' expect-head hang 'on plain 2-:' serve 'on tls 1-:' hang
    rule verify mode=testing try=upgrade,implicit
    local begun=$SECONDS
    dial
    ((SECONDS - begun <= 4))
    assert_clear "$CANARY"
    [ "$(record action would)" = 'allowed-plain block' ]
}
