# SPDX-License-Identifier: MIT
# Sessions are used again in the process that made them, by the same rule, name, port and strategy, and by nothing else. The
# scripted origin has one set of ticket keys everywhere: what it does not resume was not offered to it.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
load implicit
BATS_TEST_TIMEOUT=60

UPGRADE=(expect-head 101 tls options-answer serve)
RESOLVE=() # of curl

# resumed: of each handshake that the server saw, 1 or 0
resumed() {
    sed -n 's/.* tls TLS.* resumed=\([01]\) .*/\1/p' "$ORIGIN_DIR/events.log" | tr -d '\n'
}

# saw SEQUENCE: that is what the server saw, the records agree, and nothing of the requests crossed in the clear
saw() {
    [[ $(resumed) == "$1" ]] || show_resumed
    [[ $(jq -j 'select(.event == "decision") | if .resumed then 1 else 0 end' "$ORIGIN_DIR/audit") == "$1" ]] || show_resumed
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

show_resumed() {
    resumed >&2
    tail -n 20 "$ORIGIN_DIR/audit" "$ORIGIN_DIR/events.log" >&2
    return 1
}

# fetch URL...: one process, a connection each
fetch() {
    local url args=()
    for url; do args+=(--next -sSf -H 'Connection: close' -H "X-Canary: $CANARY" "${RESOLVE[@]}" "$url"); done
    protected curl "${args[@]:1}"
}

# client: python with a function get(host, port): one connection, read to its end
client() {
    {
        cat <<'P'
import http.client, os, sys, time
port, canary, rest = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
def get(host='localhost', port=port, path='/bytes/10'):
    c = http.client.HTTPConnection(host, port, timeout=20)
    c.request('GET', path, headers={'X-Canary': canary, 'Connection': 'close'})
    r = c.getresponse()
    body = r.read()
    c.close()
    return body
P
        cat
    } | python "$@"
}

@test "curl: a connection for each request, by both strategies and both versions" {
    for version in 1.2 1.3; do
        for how in upgrade implicit; do
            case $how in
                upgrade) two_ports expect-head 101 "tls min=$version max=$version" options-answer serve ;;
                *) two_ports 'on plain 1-:' hang 'on tls 1-:' "tls min=$version max=$version" serve ;;
            esac
            rule verify "try=$how"
            fetch "$URL/bytes/1" "$URL/bytes/2" "$URL/chunked/30000" "$URL/eof/100" >"$TMP/out"
            [[ $(wc -c <"$TMP/out") == 30103 ]]
            saw 0111
            stop_origin
        done
    done
}

@test "resume=no" {
    for version in 1.2 1.3; do
        two_ports expect-head 101 "tls min=$version max=$version" options-answer serve
        rule verify 'try=upgrade resume=no'
        fetch "$URL/" "$URL/" >"$TMP/out"
        saw 00
        stop_origin
    done
}

@test "not for another name" {
    for level in verify encrypt; do
        two_ports "${UPGRADE[@]}"
        local ca=''
        [[ $level != verify ]] || ca=ca=CA
        policy "*:PORT $level $ca try=upgrade audit=AUDIT"
        RESOLVE=(--resolve "a.wild.test:$ORIGIN_PORT:127.0.0.1" --resolve "b.wild.test:$ORIGIN_PORT:127.0.0.1")
        fetch http://{a,b,a,b}".wild.test:$ORIGIN_PORT/" "$URL/" >"$TMP/out"
        saw 00110
        stop_origin
    done
}

@test "not on another port" {
    two_ports "${UPGRADE[@]}"
    policy "localhost:PORT,$ORIGIN_TLS_PORT verify ca=CA try=upgrade audit=AUDIT"
    fetch "$URL/" "http://localhost:$ORIGIN_TLS_PORT/" "$URL/" "http://localhost:$ORIGIN_TLS_PORT/" >"$TMP/out"
    saw 0011
}

@test "not by another strategy" {
    two_ports 'on 1:' "${UPGRADE[@]}" 'on 2:' expect-head 'send "HTTP/1.1 405 No\r\nConnection: close\r\n\r\n"' fin \
        'on 3-:' tls serve
    policy "localhost:PORT verify ca=CA try=upgrade,implicit implicit-port=$ORIGIN_PORT audit=AUDIT"
    fetch "$URL/" "$URL/" "$URL/" >"$TMP/out"
    saw 001
}

@test "not after the policy was changed, and with the new one again" {
    two_ports "${UPGRADE[@]}"
    rule verify try=upgrade
    cp "$ORIGIN_DIR/ca.pem" "$ORIGIN_DIR/ca2.pem"
    local n=0 line
    for line in "localhost:PORT verify ca=$ORIGIN_DIR/ca2.pem try=upgrade audit=AUDIT" \
        'localhost:PORT secure ca=CA try=upgrade match=localhost audit=AUDIT' 'localhost:PORT encrypt try=upgrade audit=AUDIT' \
        "localhost:PORT verify ca=CA try=upgrade pin=$(<"$ORIGIN_DIR/good.pin") audit=AUDIT"; do
        cp "$ORIGIN_DIR/policy.conf" "$TMP/before"
        policy "$line"
        cp "$ORIGIN_DIR/policy.conf" "$TMP/policy.$((n++))"
        cp "$TMP/before" "$ORIGIN_DIR/policy.conf"
    done
    client "$ORIGIN_DIR/policy.conf" "$TMP"/policy.* <<'P'
get(); get()
for new in rest[1:]:
    with open(rest[0], 'w') as f:
        f.write(open(new).read())
    time.sleep(1.1)
    get(); get()
P
    saw 0101010101
}

@test "not by a child, whose own sessions are its own" {
    two_ports "${UPGRADE[@]}"
    rule verify try=upgrade
    client <<'P'
get(); get()
pid = os.fork()
if pid == 0:
    get(); get()
    os._exit(0)
os.waitpid(pid, 0)
get()
P
    saw 01011
}

@test "not after a connection that ended without close_notify" {
    two_ports 'on 2:' expect-head 101 tls options-answer tls-expect-head \
        'tls-send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"' fin else: "${UPGRADE[@]}"
    rule verify try=upgrade
    client <<'P'
import socket
get()
s = socket.create_connection(('localhost', port))
s.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n' % canary.encode())
while s.recv(4096):
    pass
s.close()
get(); get()
P
    saw 0101
}

@test "a certificate that is not good is found all the same: the server has another one, and does not resume" {
    two_ports 'on 1:' "${UPGRADE[@]}" 'on 2:' expect-head 101 'tls cert=other no-tickets' options-answer serve
    rule verify try=upgrade
    client <<'P'
get()
try:
    get()
    sys.exit('served')
except OSError as e:
    print(e)
P
    [[ $(record action result_type) == $'upgraded success\nblocked certificate-host-mismatch' ]]
    assert_no_clear "$CANARY"
}

@test "many at once: as many connections as there are tickets resume, and none is used twice" {
    two_ports "${UPGRADE[@]}"
    rule verify try=upgrade
    client <<'P'
from concurrent.futures import ThreadPoolExecutor
get()
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda i: get(path='/bytes/2000'), range(80)))
P
    [[ $(resumed | tr -d 0 | wc -c) -ge 40 ]] || show_resumed
    assert_no_clear "$CANARY"
}

@test "no request waits for the acknowledgement of the handshake" {
    for how in 'min=1.2 max=1.2' no-tickets; do # who resumes, and who gets no ticket, has the last word in the handshake
        two_ports 'on plain 1-:' hang 'on tls 1-:' "tls $how" serve
        rule verify try=implicit
        client <<'P'
get()
import socket
def timed(): # without TCP_NODELAY, which http.client sets
    start = time.monotonic()
    with socket.create_connection(('localhost', port)) as s:
        s.sendall(b'GET /bytes/5 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        while s.recv(4096):
            pass
    return time.monotonic() - start
least = min(timed() for i in range(6))
assert least < 0.03, least # a delayed acknowledgement comes after 40 ms, each time
P
        stop_origin
    done
}
