# SPDX-License-Identifier: MIT
# The surface: every function of the C library that runs here has been decided, and none that a client uses is unknown.

bats_require_minimum_version 1.5.0
load lib

@test "every function of this libc is interposed, or stands in surface.def with the reason why not" {
    run -0 "$ROOT/scripts/surface"
    [ -z "$output" ]
}

@test "the check can fail" {
    cp -r "$ROOT/scripts" "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/shim"
    cp "$ROOT/shim/syms.def" "$BATS_TEST_TMPDIR/shim"
    sed 's/\<pidfd_getfd\>//; s/ socketpair$/ socketpai?/' "$ROOT/shim/surface.def" >"$BATS_TEST_TMPDIR/shim/surface.def"
    echo '    connect' >>"$BATS_TEST_TMPDIR/shim/surface.def"
    run -1 "$BATS_TEST_TMPDIR/scripts/surface"
    [[ $output == *'pidfd_getfd: nobody has decided'* ]]
    [[ $output == *'socketpair: sounds like input'* ]]
    [[ $output == *'connect: interposed, and in shim/surface.def'* ]]
}

@test "what clients import is known" {
    local name path real missing=''
    for name in curl wget /usr/bin/python3 perl node php gawk ncat socat nc.openbsd nc.traditional telnet tnftp busybox ab wrk; do
        path=$(readlink -f "$(command -v "$name")")
        [ -n "$path" ] || missing+=" $name"
        run -0 "$ROOT/scripts/surface" "$path"
    done
    [ -z "$missing" ] || { echo "not there:$missing" >&2; false; }
    for path in /usr/lib/x86_64-linux-gnu/libcurl.so.4 /usr/lib/jvm/*/lib/lib{net,nio,extnet}.so; do
        real=$(readlink -f "$path")
        [ -e "$real" ] || continue
        run -0 "$ROOT/scripts/surface" "$real"
    done
}

# every client of the matrix that is here, is a program of the machine's own kind, and is linked with libc
@test "what the clients of the matrix import is known" {
    local need path known=0
    for need in $(awk '!/^[#[:space:]]/ {print $2}' "$BATS_TEST_DIRNAME/matrix/clients.list" | tr ',' '\n' | grep -v '[@=]' | sort -u); do
        path=$(command -v "$need") && path=$(readlink -f "$path") || continue
        readelf -d "$path" 2>/dev/null | grep -q NEEDED || continue
        run -0 "$ROOT/scripts/surface" "$path"
        known=$((known + 1))
    done
    [ "$known" -ge 25 ]
}

# The interposed names that programs here do import, so that the list above is no accident
@test "the surface is used" {
    run -0 "$ROOT/scripts/surface" --list "$(readlink -f "$(command -v curl)")" /usr/lib/x86_64-linux-gnu/libcurl.so.4
    [ "$(grep -c $'\tinterposed$' <<<"$output")" -gt 15 ]
    for name in connect send recv poll close socket getaddrinfo getpeername; do
        grep -q "^$name"$'\tinterposed$' <<<"$output" || { echo "$name" >&2; return 1; }
    done
}
