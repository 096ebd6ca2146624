# SPDX-License-Identifier: MIT
# What the shim must not change: connections that no line governs, level none, everything that is no TCP connection, and
# the programs that never dial; and what it must not bring along.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=60

setup_file() {
    compile dial door
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
}

# policy LINE...
policy() {
    printf '%s\n' 'defaults - audit=none' "$@" >"$TMP/policy.conf"
}

shimmed() {
    tlsup_run -p "$TMP/policy.conf" -- "$@"
}

# parity COMMAND...: the same stdout and status with the shim and without, and not a word on stderr from us
parity() {
    local plain=0 ours=0
    "$@" >"$TMP/plain.out" 2>"$TMP/plain.err" </dev/null || plain=$?
    shimmed "$@" >"$TMP/ours.out" 2>"$TMP/ours.err" </dev/null || ours=$?
    diff "$TMP/plain.out" "$TMP/ours.out"
    [ "$plain" = "$ours" ] || { echo "$*: status $ours instead of $plain" >&2; return 1; }
    diff <(sed 's/[0-9.]*[0-9]//g' "$TMP/plain.err") <(sed 's/[0-9.]*[0-9]//g' "$TMP/ours.err") # but for times
}

# a port on which nobody listens
closed_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- the objects -------------------------------------------------------------------------------------------------

@test "libtlsup.so needs libc alone" {
    run -0 readelf -d "$BUILD/libtlsup.so"
    needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$output" | grep -Ev '^(lib(a|ub)san|libclang_rt)\.' | sort)
    [[ $needed =~ ^(ld-linux[^[:space:]]*[[:space:]])?libc\.so\.6$ ]]
    run ! grep -Eq 'RPATH|RUNPATH|TEXTREL' <<<"$output"
}

@test "libtlsup.so exports what syms.def lists, nothing else" {
    diff <("$ROOT/scripts/exports" | LC_ALL=C sort) \
        <(nm -D --defined-only "$BUILD/libtlsup.so" | awk '{ sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort)
}

# ---- OpenSSL stays out -------------------------------------------------------------------------------------------

# maps KIND: which of our objects a program has mapped after KIND of a connection
maps() {
    cat >"$TMP/maps.py" <<'PY'
import re, socket, sys
kind, port = sys.argv[1], int(sys.argv[2])
if kind != "none":
    s = socket.create_connection(("127.0.0.1", port))
if kind == "request":
    s.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in s.recv(1000)
maps = open("/proc/self/maps").read()
print(*sorted(set(re.findall(r"lib(?:tlsup-tls|tlsup|ssl|crypto)\.so", maps))))
PY
    shimmed python3 -S -E "$TMP/maps.py" "$1" "${2:-0}"
}

@test "a program that does not dial a governed port maps neither OpenSSL nor the engine" {
    start_origin
    policy "localhost:1 verify ca=$ORIGIN_CA"
    [ "$(maps none)" = libtlsup.so ]
    [ "$(maps request "$ORIGIN_PORT")" = libtlsup.so ]
    policy "localhost:$ORIGIN_PORT none"
    [ "$(maps request "$ORIGIN_PORT")" = libtlsup.so ]
    policy "localhost:$ORIGIN_PORT reject"
    run ! maps request "$ORIGIN_PORT"
    policy "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA" # and one that does has both
    [[ "$(maps request "$ORIGIN_PORT")" == *libtlsup-tls.so* ]]
}

# ---- bytes -------------------------------------------------------------------------------------------------------

# sent POLICY: what a plain server got of a request, and of bytes that are not HTTP
sent() {
    local dir=$TMP/$1
    shift
    mkdir "$dir"
    printf 'expect 5\nsend "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"\nfin\n' >"$dir/script"
    start_origin --dir "$dir" --script "$dir/script" >/dev/null
    if (($#)); then
        policy "${@//PORT/$ORIGIN_PORT}"
        set -- shimmed
    fi
    printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' | "$@" "$BATS_FILE_TMPDIR/dial" localhost "$ORIGIN_PORT" >"$dir/calls"
    printf '\x16\x03\x01\x00\xffSSH-2.0\r\n\x00' | "$@" "$BATS_FILE_TMPDIR/dial" -n 3 127.0.0.1 "$ORIGIN_PORT" >>"$dir/calls"
    stop_origin
}

@test "a plain server gets the same bytes, the program the same answers" {
    sent bare
    sent ungoverned 'localhost:1 verify'
    sent none 'localhost:PORT none'
    local kind
    for kind in ungoverned none; do
        cmp "$TMP/bare/clear.log" "$TMP/$kind/clear.log"
        diff "$TMP/bare/calls" "$TMP/$kind/calls"
    done
    grep -q 'GET / HTTP' "$TMP/none/clear.log"
}

@test "the kernel sees the same calls for a connection that no line governs" {
    strace -o "$TMP/trace" true 2>/dev/null || skip 'strace does not work here'
    [ -z "$(sanitizer_runtime)" ] || skip 'sanitizers make calls of their own'
    not_strict 'strace sees the process that stands for the command'
    start_origin
    policy 'localhost:1 verify'
    local kind
    for kind in bare shim; do
        [[ $kind == bare ]] && set -- || set -- "$BUILD/tlsup" run -p "$TMP/policy.conf" --
        printf 'GET /bytes/5 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
            strace -o "$TMP/trace" -e trace=network,poll,ppoll "$@" "$BATS_FILE_TMPDIR/dial" 127.0.0.1 "$ORIGIN_PORT" >/dev/null
        grep -v '^+++' "$TMP/trace" | sed 's/0x[0-9a-f]*/ADDRESS/g; s/Date: [^\\]*//' >"$TMP/$kind"
    done
    diff "$TMP/bare" "$TMP/shim"
    grep -q '^sendto(' "$TMP/shim"
}

# ---- programs ----------------------------------------------------------------------------------------------------

@test "socket calls of every kind give the same" {
    policy '*:80 verify' 'localhost:1 reject'
    parity python3 "$BATS_TEST_DIRNAME/clients/sockets.py" "$(closed_port)"
}

@test "the same where every port is governed, but loopback is none" {
    policy 'localhost:* none' '*:* verify'
    parity python3 "$BATS_TEST_DIRNAME/clients/sockets.py" "$(closed_port)"
}

@test "clients on plain traffic: same output, same status" {
    start_origin
    local lines url closed
    closed=$(closed_port)
    for lines in 'localhost:1 verify' "localhost:$ORIGIN_PORT,$closed none"; do
        policy "$lines"
        url=http://localhost:$ORIGIN_PORT
        parity curl -sS "$url/bytes/100000"
        parity curl -sS "$url/chunked/1000" "$url/eof/1000"
        parity curl -sS -f "$url/status/404"
        parity curl -sS -d body=1 "$url/echo"
        parity curl -sS "http://localhost:$closed/"
        parity curl -sS -m 1 "$url/slow/5000"
        parity wget -q -O - "$url/bytes/100000"
        parity wget -q -O - -t 1 "http://localhost:$closed/"
        parity busybox wget -q -O - "$url/bytes/1000"
        parity perl -MHTTP::Tiny -e 'print HTTP::Tiny->new->get(shift)->{content}' "$url/bytes/1000"
        # shellcheck disable=SC2016 # for the inner shell
        parity bash -c 'exec 3<>"/dev/tcp/localhost/$0" && printf "GET /bytes/9 HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' "$ORIGIN_PORT"
    done
}

@test "doors stand open where nothing is protected" {
    start_origin
    local way lines
    export REQUEST=$'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    for lines in 'localhost:1 verify' "localhost:$ORIGIN_PORT none"; do
        policy "$lines"
        for way in fdopen fdopen-open fdopen-before dup2-0 dup2-1 dup2-2 dup3 dupfd-low connect-low spawn exec rights \
            syscall dup-before dup-after reuse-other reuse-dial fork-parent vfork; do
            parity "$BATS_FILE_TMPDIR/door" "$way" "$ORIGIN_PORT"
        done
    done
}

@test "programs that dial nothing" {
    policy '* verify'
    parity true
    parity false
    parity sh -c 'echo out; echo err >&2; exit 3'
    # shellcheck disable=SC2016 # for the inner shells
    parity sh -c 'sh -c "kill -TERM \$\$"; echo $?'
    parity grep -c root /etc/passwd
    parity python3 -c 'import os; print(sorted(os.listdir("/proc/self/fd")), os.environ.get("HOME"))'
    parity seq 1 100000
}
