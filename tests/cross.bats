# SPDX-License-Identifier: MIT
# check: stage cross
# Other machines: arm64 under qemu's user emulation, 32-bit x86 on the processor itself. Debian's own programs of each are
# upgraded over loopback by an origin of this machine. What it takes is made by tests/cross/build (stage cross).
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash, bats runs every test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup_file() {
    for arch in arm64 i386; do "$ROOT/tests/cross/build" "$arch" >&2 || return; done
}

setup() {
    free_temp_dir
    CROSS=$ROOT/build/cross
    CANARY=canary-$RANDOM-$RANDOM
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
}

# serve DIRECTORY [OPTION...]: an origin, and a policy that it satisfies. Inside a root, DIRECTORY is below it.
serve() {
    local below=$INSIDE
    mkdir "$1/origin"
    start_origin --dir "$1/origin" "${@:2}"
    POLICY=$1/policy.conf
    printf '%s\n' "defaults - audit=${1#"$below"}/audit.log" "localhost:$ORIGIN_PORT verify try=upgrade ca=${ORIGIN_CA#"$below"}" \
        >"$POLICY"
    AUDIT=$1/audit.log
    URL=http://localhost:$ORIGIN_PORT/bytes/100
}
INSIDE=''

# a directory that is the same inside of the root of i386
enter() {
    unshare -r -m true 2>/dev/null || need_mounts
    INSIDE=$CROSS/root-i386
    mkdir -p "$INSIDE/tmp" "$INSIDE/usr/lib/tlsup"
    TMP=$(mktemp -d "$INSIDE/tmp/XXXXXX")
    cp "$CROSS"/i386/{libtlsup.so,libtlsup-tls.so,libtlsup-relay} "$INSIDE/usr/lib/tlsup/"
    cp "$CROSS/i386/tlsup" "$INSIDE/usr/bin/"
    grep -qs localhost "$INSIDE/etc/hosts" || echo '127.0.0.1 localhost' >>"$INSIDE/etc/hosts"
    serve "$TMP" "$@"
}
inside() { # PROGRAM [ARGUMENT...]: as the root of i386 has it, with the tlsup of that root
    "$ROOT/tests/cross/run" i386 --inside /usr/bin/tlsup run -p "${POLICY#"$INSIDE"}" -- "$@"
}
teardown() {
    stop_all
    [ -z "$INSIDE" ] || rm -rf "$TMP"
}

on() { # ARCH PROGRAM [ARGUMENT...]: of the root, with the object that was built for it
    OBJECT=$CROSS/$1/libtlsup.so TLSUP_POLICY=$POLICY "$ROOT/tests/cross/run" "$1" "$CROSS/root-$1$2" "${@:3}"
}

upgraded() { # FILE with the body
    pattern 100 | cmp - "$1"
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
    grep -q '"action":"upgraded"' "$AUDIT"
}

refused() {
    [ "$status" -ne 0 ]
    assert_no_clear "$CANARY"
    grep -q '"action":"blocked"' "$AUDIT"
}

@test "the objects are for their machines, need libc alone, and export what is listed" {
    local arch
    for arch in arm64:AArch64 i386:80386; do
        readelf -h "$CROSS/${arch%:*}/libtlsup.so" | grep -q "Machine:.*${arch#*:}"
        run -0 readelf -d "$CROSS/${arch%:*}/libtlsup.so"
        run ! grep -vE '\[(libc\.so\.6|ld-linux.*)\]' <<<"$(grep -F '(NEEDED)' <<<"$output")"
        BUILD=$CROSS/${arch%:*} run -0 "$ROOT/scripts/lint" exports
    done
}

@test "every function of the libc of each machine is decided" {
    local libc
    for libc in "$CROSS"/root-{arm64/usr/lib/aarch64,i386/usr/lib/i386}-linux-gnu/libc.so.6; do
        run -0 "$ROOT/scripts/surface" --libc "$libc"
        [ -z "$output" ]
    done
}

@test "arm64: curl and wget are upgraded, busybox fails closed" {
    serve "$TMP"
    on arm64 /usr/bin/curl -sS -H "X-Canary: $CANARY" "$URL" >"$TMP/body"
    upgraded "$TMP/body"
    CANARY+=-wget
    on arm64 /usr/bin/wget -q -O "$TMP/body" --header "X-Canary: $CANARY" "$URL"
    upgraded "$TMP/body"
    # it uses stdio on a socket, and a kernel that cannot run an arm64 program starts no relay
    CANARY+=-busybox
    run on arm64 /usr/bin/busybox wget -q -O - --header "X-Canary: $CANARY" "$URL"
    refused
}

@test "arm64: what cannot be upgraded, or is not who it says, sends nothing" {
    serve "$TMP" --no-upgrade
    run on arm64 /usr/bin/curl -sS -H "X-Canary: $CANARY" "$URL"
    refused
    mkdir "$TMP/other"
    serve "$TMP/other" --cert other
    run on arm64 /usr/bin/curl -sS -H "X-Canary: $CANARY" "$URL"
    refused
    grep -q '"result_type":"certificate-host-mismatch"' "$AUDIT"
}

@test "i386: curl, wget and busybox are upgraded, and bash by a relay" {
    enter
    inside curl -sS -H "X-Canary: $CANARY" "$URL" >"$TMP/body"
    upgraded "$TMP/body"
    CANARY+=-wget
    inside wget -q -O - --header "X-Canary: $CANARY" "$URL" >"$TMP/body"
    upgraded "$TMP/body"
    CANARY+=-busybox
    inside busybox wget -q -O - --header "X-Canary: $CANARY" "$URL" >"$TMP/body"
    upgraded "$TMP/body"
    CANARY+=-bash
    # shellcheck disable=SC2016 # of the inner shell
    inside bash -c 'exec 3<>/dev/tcp/localhost/$0; printf "GET /bytes/100 HTTP/1.1\r\nHost: localhost:$0\r\nX-Canary: $1\r\nConnection: close\r\n\r\n" >&3
        while IFS= read -r line <&3 && [ "$line" != $'"'\r'"' ]; do :; done; busybox cat <&3' "$ORIGIN_PORT" "$CANARY" >"$TMP/body"
    upgraded "$TMP/body"
}

@test "i386: what cannot be upgraded, or is not who it says, sends nothing" {
    enter --no-upgrade
    run inside curl -sS -H "X-Canary: $CANARY" "$URL"
    refused
    mkdir "$TMP/other"
    serve "$TMP/other" --cert other
    run inside curl -sS -H "X-Canary: $CANARY" "$URL"
    refused
    grep -q '"result_type":"certificate-host-mismatch"' "$AUDIT"
}

# Without hooks of their own these calls would pass us by, in the clear
@test "i386: offsets and times of 64 bits, and raw calls that only a 32-bit machine has" {
    enter
    i686-linux-gnu-gcc "--sysroot=$INSIDE" -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -O2 -o "$TMP/wide" \
        "$BATS_TEST_DIRNAME/clients/wide.c"
    [ "$(nm -D --undefined-only "$TMP/wide" | grep -cE ' (__(epoll_pwait2_time|fcntl_time|getsockopt|ioctl_time|ppoll|pselect|recvmmsg|recvmsg|select|sendmmsg|sendmsg|setsockopt)64|(preadv|pwritev)64v2|sendfile64)@')" -eq 15 ]
    "$ROOT/tests/cross/run" i386 --inside "${TMP#"$INSIDE"}/wide" "$ORIGIN_PORT" "$CANARY-bare" "${TMP#"$INSIDE"}/file" >"$TMP/plain"
    inside "${TMP#"$INSIDE"}/wide" "$ORIGIN_PORT" "$CANARY-shim" "${TMP#"$INSIDE"}/file" >"$TMP/shim"
    diff -a <(grep -av ^Date: "$TMP/plain") <(grep -av ^Date: "$TMP/shim")
    assert_no_clear "$CANARY-shim"
    [ "$(grep -c "$CANARY-shim" "$ORIGIN_DIR/inside.log")" -eq 6 ]
    [ "$(grep -c "$CANARY-bare" "$ORIGIN_DIR/clear.log")" -eq 6 ]
}

# The net of this machine's tlsup knows the connects of an object for 32 bits; without that they would get a relay, which
# would put TLS into TLS
@test "i386: under the net of x86-64, with the object and without" {
    [ -z "$(sanitizer_runtime)" ] || skip 'a sanitized object is not for i386'
    serve "$TMP"
    OBJECT=$CROSS/i386/libtlsup.so "$BUILD/tlsup" run --strict -p "$POLICY" -- \
        "$ROOT/tests/cross/run" i386 "$CROSS/root-i386/usr/bin/curl" -sS -H "X-Canary: $CANARY" "$URL" >"$TMP/body"
    upgraded "$TMP/body"
    grep '"event":"decision"' "$AUDIT" | grep -q '"exe":"[^"]*/ld-linux.so.2"'
    CANARY+=-net
    "$BUILD/tlsup" run --strict -p "$POLICY" -- \
        "$ROOT/tests/cross/run" i386 "$CROSS/root-i386/usr/bin/curl" -sS -H "X-Canary: $CANARY" "$URL" >"$TMP/body"
    upgraded "$TMP/body"
}
