# SPDX-License-Identifier: MIT
# Requests of HTTP/1 to ports that no line of the policy names: in testing they leave a record, and nothing else is different.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash, bats runs every test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    AUDIT=$TMP/audit.log
    CANARY=canary-$RANDOM-$RANDOM
    start_origin
    policy testing
}

# policy MODE [LINE...]
policy() {
    printf '%s\n' "defaults - mode=$1 audit=$AUDIT" '*:1 verify' "${@:2}" >"$TMP/policy.conf"
}

shimmed() {
    tlsup_run -p "$TMP/policy.conf" -- "$@"
}

@test "in testing a request to a port without a rule is recorded, and arrives as it was" {
    run -0 shimmed curl -sS -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/bytes/100"
    [ "$output" = "$(pattern 100)" ]
    assert_clear "$CANARY"
    [ "$(jq -c '[.event, .destination, .names[0].name, .names[0].source, .mode, .action, .result_type, .rule, .errno]' "$AUDIT")" = \
        "[\"decision\",\"127.0.0.1:$ORIGIN_PORT\",\"localhost\",\"host\",\"testing\",\"bypass\",\"tlsup-unlisted-port\",null,null]" ]
    run -0 "$BUILD/tlsup" report "$AUDIT"
    [[ $output == *"http://localhost:$ORIGIN_PORT  1 connection, "* ]]
    [[ $output == *'tlsup-unlisted-port 1: an HTTP request to a port that no line of the policy names'* ]]
    [[ $output == *'1 connection looks like HTTP on a port without a rule'* ]]
    run -0 "$BUILD/tlsup" report --json "$AUDIT"
    [ "$(jq -c '[.unlisted, .destinations[0].unlisted]' <<<"$output")" = '[1,1]' ]
    run -0 "$BUILD/tlsup" report --suggest "$AUDIT"
    grep -q '; no line names its port: nothing was tried, tlsup probe says what it has$' <<<"$output"
    grep -qE "^localhost:$ORIGIN_PORT +may$" <<<"$output"
}

@test "enforced, or with a line for its port, it is not" {
    policy enforce
    run -0 shimmed curl -sS "http://localhost:$ORIGIN_PORT/bytes/100"
    [ ! -e "$AUDIT" ]
    policy testing "localhost:$ORIGIN_PORT none"
    run -0 shimmed curl -sS "http://localhost:$ORIGIN_PORT/bytes/100"
    run ! grep -q unlisted "$AUDIT"
}

@test "each way to write counts, the first bytes alone, once a connection" {
    local how
    # shellcheck disable=SC2016
    for how in 's.send(r)' 's.sendall(r)' 'os.write(s.fileno(), r)' 'os.writev(s.fileno(), [r, r])' 's.sendmsg([r])' 's.sendto(r, ("127.0.0.1", port))'; do
        rm -f "$AUDIT"
        run -0 shimmed python3 -c 'import os, socket, sys
port = int(sys.argv[1])
s = socket.create_connection(("127.0.0.1", port))
r = b"GET /bytes/10 HTTP/1.1\r\nHost: x.test\r\n\r\n"
exec(sys.argv[2])
s.recv(1)
s.send(r)' "$ORIGIN_PORT" "$how"
        [ "$(jq -r '.names[0].name' "$AUDIT")" = x.test ] || { echo "$how: $(cat "$AUDIT")" >&2; false; }
    done
    rm -f "$AUDIT"
    for how in 's.send(b"SSH-2.0-x\r\n")' 's.send(b"\x16\x03\x01\x00\x05hello")' 's.send(b"G"); s.send(b"ET / HTTP/1.1\r\n\r\n")' 's.send(b"GET /")' \
        's.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")'; do
        run -0 shimmed python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
exec(sys.argv[2])' "$ORIGIN_PORT" "$how"
    done
    [ ! -e "$AUDIT" ]
}

@test "nothing is different: flags, errors, and what gets the number next" {
    cat >"$TMP/probe.py" <<'PY'
import ctypes, errno, fcntl, os, socket, sys
port = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def tell(*words): print(*words)
s = socket.socket(); s.set_inheritable(True)
s.connect(("127.0.0.1", port))
tell("flags", fcntl.fcntl(s, fcntl.F_GETFD), fcntl.fcntl(s, fcntl.F_GETFL))
tell("bad", libc.write(s.fileno(), ctypes.c_void_p(8), 100), errno.errorcode[ctypes.get_errno()])
tell("none", libc.write(s.fileno(), ctypes.c_void_p(8), 0))
fd = s.detach()
os.close(fd)
p = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
tell("same number", p == fd, os.write(p, b"GET / HTTP/1.1\r\n\r\n"))
os.close(p)
s = socket.socket(); s.setblocking(False)
tell("async", s.connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS))
import select; select.select([], [s], [], 5)
tell("sent", s.send(b"GET /bytes/10 HTTP/1.1\r\nHost: y.test\r\n\r\n"))
s.setblocking(True)
tell("answer", s.recv(12))
f = os.fdopen(os.dup(s.fileno()), "wb"); f.write(b"GET / HTTP/1.1\r\n\r\n"); f.flush()
tell("libraries", sum("libtlsup-tls" in l or "libssl" in l for l in open("/proc/self/maps")))
PY
    python3 "$TMP/probe.py" "$ORIGIN_PORT" "$TMP/file.1" >"$TMP/plain"
    shimmed python3 "$TMP/probe.py" "$ORIGIN_PORT" "$TMP/file.2" >"$TMP/ours"
    diff "$TMP/plain" "$TMP/ours"
    # the one whose first write was no memory, and whose number a file got, left none
    [ "$(jq -r '.names[0].name' "$AUDIT")" = y.test ] || { cat "$AUDIT" >&2; false; }
}
