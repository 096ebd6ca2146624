# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of lib.bash
# Peers of the origin that we did not write, for its own suites: load lib and this.

# script LINE...: the script of this test
script() {
    printf '%s\n' "$@" >"$TMP/script"
}

get() {
    curl -sS --max-time 20 --noproxy '*' --cacert "$ORIGIN_CA" "$@"
}

# raw REQUEST [ADDRESS]: its bytes, with python's escapes, to the plain port; the answer on stdout. The peer stays until
# the origin goes.
raw() {
    python3 - "$ORIGIN_PORT" "$1" "${2:-127.0.0.1}" <<'PY'
import socket, sys
s = socket.create_connection((sys.argv[3], int(sys.argv[1])), 10)
s.sendall(sys.argv[2].encode("latin-1").decode("unicode_escape").encode("latin-1"))
out = b""
try:
    while True:
        b = s.recv(65536)
        if not b:
            break
        out += b
except ConnectionResetError:
    out += b"[reset]"
sys.stdout.buffer.write(out)
PY
}

# upgrade [REQUEST]: RFC 2817 by python's ssl on one socket. Prints the 101, then what came inside TLS.
upgrade() {
    python3 - "$ORIGIN_PORT" "$ORIGIN_CA" "${1:-}" <<'PY'
import socket, ssl, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nUpgrade: TLS/1.2, TLS/1.0\r\nConnection: Upgrade\r\n\r\n")
head = b""
while not head.endswith(b"\r\n\r\n"):
    b = s.recv(1)
    if not b:
        break
    head += b
print(head.decode("latin-1"))
if not head.startswith(b"HTTP/1.1 101"):
    sys.exit(2)
context = ssl.create_default_context(cafile=sys.argv[2])
context.options &= ~0x80 # SSL_OP_IGNORE_UNEXPECTED_EOF, which some pythons set: a bare FIN is not an end
t = context.wrap_socket(s, server_hostname="localhost", suppress_ragged_eofs=False)
def answer():
    h = b""
    while not h.endswith(b"\r\n\r\n"):
        b = t.recv(1)
        if not b:
            break
        h += b
    print(h.decode("latin-1"))
answer()
if sys.argv[3]:
    t.sendall(sys.argv[3].encode("latin-1").decode("unicode_escape").encode("latin-1"))
    answer()
    while True:
        b = t.recv(65536)
        if not b:
            break
        sys.stdout.buffer.write(b)
t.close()
PY
}
