# SPDX-License-Identifier: MIT
# TLS on another port: when it begins, who shows certificates, answers that nobody asked for, and who else has the
# descriptor.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash and of bats, which runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
load implicit

# ---- when=connect, certificates of ours, desync ----------------------------------------------------------------------

@test "when=connect: TLS comes with the connection, and its failure with connect()" {
    two_ports
    rule verify try=implicit when=connect
    run -0 python <<'PY'
import socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
time.sleep(0.3)
s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
print(s.recv(8))
PY
    [ "$output" = "b'HTTP/1.1'" ]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
    # the handshake was over long before the request
    two_ports 'on tls 1-:' 'tls cert=other' hang
    rule verify try=implicit when=connect messages=none
    run -0 python <<'PY'
import errno, select, socket, sys
addr = (socket.gethostbyname("localhost"), int(sys.argv[1]))
print(errno.errorcode[socket.socket().connect_ex(addr)])
s = socket.socket(); s.setblocking(False)
print(s.connect_ex(addr) in (errno.EINPROGRESS, errno.EKEYREJECTED)) # the server may be quick
for i in range(20):
    e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if e: break
    select.select([s], [], [], 0.05)
print(errno.errorcode[e])
PY
    diff - <(echo "$output") <<'X'
EKEYREJECTED
True
EKEYREJECTED
X
}

@test "an answer before the first request ends the connection" {
    two_ports 'on tls 1-:' tls 'sleep 100' 'tls-send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"' hang
    rule verify try=implicit when=connect
    run -0 python <<'PY'
import errno, socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
time.sleep(0.4)
try: print(s.recv(100))
except OSError as e: print(errno.errorcode[e.errno])
try:
    s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
    time.sleep(0.1)
    s.sendall(b"more")
    print("sent")
except OSError as e: print(errno.errorcode[e.errno])
PY
    [ "${lines[0]}" = ECONNRESET ]
    run ! grep -aqF "$CANARY" "$ORIGIN_DIR"/{clear,inside}.log
}

@test "desync=count: one answer more than requests ends the connection; without it, it is the program's" {
    local answer='HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' option
    for option in count first; do
        two_ports 'on tls 1-:' tls tls-expect-head "tls-send \"${answer}ok\"" 'sleep 200' "tls-send \"${answer}no\"" 'hang'
        rule verify try=implicit desync=$option
        run -0 python <<'PY'
import errno, socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % sys.argv[2].encode())
time.sleep(0.1)
print(s.recv(100)[-2:])
time.sleep(0.3)
try: print(s.recv(100)[-2:])
except OSError as e: print(errno.errorcode[e.errno])
PY
        if [[ $option == count ]]; then
            [ "$output" = "b'ok'"$'\nECONNRESET' ]
        else
            [ "$output" = "b'ok'"$'\n'"b'no'" ]
        fi
        assert_no_clear "$CANARY"
        assert_inside "$CANARY"
    done
}

@test "a certificate of ours is shown by implicit, and in band only if the line says so" {
    two_ports
    rule verify "cert=$ORIGIN_DIR/good.pem key=$ORIGIN_DIR/good.key"
    run -0 protected curl -sS -H "X-Canary: $CANARY" "$URL/"
    rule verify "try=implicit cert=$ORIGIN_DIR/good.pem key=$ORIGIN_DIR/good.key"
    run -0 protected curl -sS -H "X-Canary: $CANARY" "$URL/"
    [ "$(grep -o 'client-cert=[^ ]*' "$ORIGIN_DIR/events.log" | wc -l)" = 2 ]
    assert_no_clear "$CANARY"
}

# ---- who else has the descriptor -------------------------------------------------------------------------------------

@test "relays: a descriptor that leaves our reach on its way to another port" {
    two_ports 'on plain 1-:' 'serve no-upgrade'
    local order
    for order in implicit upgrade,implicit; do
        rule verify "try=$order"
        # shellcheck disable=SC2016 # for the inner shell
        run -0 protected bash -c 'exec 3<>"/dev/tcp/localhost/$0"; printf "GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: $1\r\n\r\n" >&3; cat <&3' \
            "$ORIGIN_PORT" "$CANARY"
        [[ $output == *"$page"* ]]
    done
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a socket that another process connected elsewhere is governed in this one too" {
    two_ports
    rule verify try=implicit
    run -0 python <<'PY'
import errno, os, socket, sys
port, canary = int(sys.argv[1]), sys.argv[2].encode()
request = b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Canary: %s\r\n\r\n" % canary
s = socket.socket()
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.read(r, 1)
    try:
        s.sendall(request)
        print(s.recv(8))
    except OSError as e: print(errno.errorcode[e.errno])
    sys.stdout.flush()
    os._exit(0)
s.connect(("127.0.0.1", port))
os.write(w, b"x")
os.waitpid(pid, 0)
PY
    [[ $output == "b'HTTP/1.1'" || $output == ECONNRESET ]]
    assert_no_clear "$CANARY"
}
