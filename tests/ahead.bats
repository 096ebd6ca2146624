# SPDX-License-Identifier: MIT
# OpenSSL is loaded while TCP is under way, where TLS is certain to follow, and never where nobody needs it; connect() takes
# as long and says the same as without.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
load implicit
BATS_TEST_TIMEOUT=60

teardown() {
    if [[ ${FULL:-} ]]; then
        kill "$FULL" 2>/dev/null || true
        wait "$FULL" 2>/dev/null || true
    fi
    stop_origin 2>/dev/null || true
}

# full_server: answers no SYN until there is a byte in $TMP/go, then takes every connection; its port is FULL_PORT
full_server() {
    mkfifo "$TMP/go"
    python3 - "$TMP/go" >"$TMP/full" 3>&- <<'P' &
import socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(0)
fill = [socket.socket() for i in range(4)]
for f in fill:
    f.setblocking(False)
    f.connect_ex(s.getsockname())
print(s.getsockname()[1], flush=True)
open(sys.argv[1]).read(1)
while True:
    s.accept()
P
    FULL=$!
    wait_for 10 test -s "$TMP/full"
    FULL_PORT=$(<"$TMP/full")
}

cat_client() {
    cat <<'P'
import errno, os, signal, socket, struct, sys, threading, time
port, go = int(sys.argv[1]), sys.argv[2]
def loaded():
    return 'libtlsup-tls.so' in open('/proc/self/maps').read()
def release():
    with open(go, 'w') as f:
        f.write('x')
def dial(s):
    start = time.monotonic()
    try:
        s.connect(('127.0.0.1', port))
        how = 'connected'
    except OSError as e:
        how = errno.errorcode.get(e.errno, str(e))
    return how, round(time.monotonic() - start, 1)
P
    cat
}

@test "a connect() that waits: OpenSSL is there before the connection is" {
    full_server
    echo "*:$FULL_PORT verify" >"$TMP/policy"
    cat_client >"$TMP/client.py" <<'P'
seen = []
def watch():
    time.sleep(0.4)
    seen.append(loaded())
    release()
t = threading.Thread(target=watch)
t.start()
how, took = dial(socket.socket())
t.join()
print(how, 0.4 < took < 8, seen)
P
    run -0 tlsup_run -p "$TMP/policy" -- python3 "$TMP/client.py" "$FULL_PORT" "$TMP/go"
    [[ $output == 'connected True [True]' ]]
}

@test "one that does not wait, and one that may be none of ours" {
    full_server
    local line
    while IFS='|' read -r line wanted; do
        printf '%b\n' "${line//PORT/$FULL_PORT}" >"$TMP/policy"
        cat_client >"$TMP/client.py" <<'P'
s = socket.socket()
s.setblocking(False)
print(dial(s)[0], loaded())
P
        run -0 tlsup_run -p "$TMP/policy" -- python3 "$TMP/client.py" "$FULL_PORT" "$TMP/go"
        [[ $output == "EINPROGRESS $wanted" ]] || { echo "$line: $output" >&2 && return 1; }
    done <<'E'
*:PORT verify|True
*:PORT encrypt mode=testing|True
*:PORT verify try=implicit implicit-port=PORT|True
*:PORT may|False
localhost:PORT none\n*:PORT verify|False
*:PORT verify non-http=pass|False
*:PORT verify proxy=yes|False
*:PORT verify ca=/nowhere/ca.pem|True
E
}

@test "signals and time end it as they do without" {
    full_server
    echo "*:$FULL_PORT verify" >"$TMP/policy"
    cat_client >"$TMP/client.py" <<'P'
class Rang(Exception):
    pass
def ring(*_):
    raise Rang()
signal.signal(signal.SIGALRM, ring)
s = socket.socket()
if sys.argv[3] == 'time':
    patience = struct.pack('ll', 0, 300000)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    for i in range(2):
        how, took = dial(s)
        print(how, 0.2 < took < 2)
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16) == patience)
else:
    start = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[3]), 0.5) # again, should the first come before the call
    try:
        s.connect(('127.0.0.1', port))
        print('connected')
    except Rang:
        print('at once' if time.monotonic() - start < 0.45 else 'later')
P
    local client=(python3 "$TMP/client.py" "$FULL_PORT" "$TMP/go") i
    "${client[@]}" time >"$TMP/bare"
    tlsup_run -p "$TMP/policy" -- "${client[@]}" time >"$TMP/with"
    diff "$TMP/bare" "$TMP/with" >&2
    for i in 1 2 3 4 5 6; do # it is the first connect() of a process that is special
        tlsup_run -p "$TMP/policy" -- "${client[@]}" 0.004
        tlsup_run -p "$TMP/policy" -- "${client[@]}" 0.3
    done >"$TMP/rang"
    [[ $(sort -u "$TMP/rang" | grep -vx later) == 'at once' && $(grep -cx 'at once' "$TMP/rang") -ge 8 ]] ||
        { cat "$TMP/rang" >&2 && return 1; }
}

@test "may: nothing is loaded for a server that has no TLS" {
    two_ports 'on plain 1-:' 'serve no-upgrade'
    policy "localhost:PORT may try=upgrade audit=AUDIT"
    printf '%s\n' 'import http.client, sys' 'c = http.client.HTTPConnection("localhost", int(sys.argv[1]))' \
        'c.request("GET", "/bytes/5")' 'print(len(c.getresponse().read()), "libtlsup-tls.so" in open("/proc/self/maps").read())' |
        python >"$TMP/out"
    [[ $(<"$TMP/out") == '5 False' ]]
    [[ $(record action result_type) == 'allowed-plain starttls-not-supported' ]]
}

@test "may: OpenSSL comes with the 101" {
    two_ports honest
    policy "localhost:PORT may try=upgrade audit=AUDIT"
    protected curl -sSf -H "X-Canary: $CANARY" "$URL/bytes/5" >"$TMP/out"
    [[ $(record action) == upgraded ]]
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}
