#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Unusual ways through libc: each fetches inside TLS what it fetches without us, or is refused, and never leaks.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    compile calls
    gcc -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/plugin.so" "$ROOT/tests/clients/plugin.c"
}

setup() {
    export BATS_TEST_TIMEOUT=30
    free_temp_dir
    start_origin
    POLICY=$TMP/policy.conf
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$TMP/audit.log" >"$POLICY"
}

# fetched MODE [PLUGIN]: the body is the same as without us, the canary crossed inside TLS only
fetched() {
    local mode=$1 canary="canary-$1-$RANDOM"
    shift
    tlsup_run -p "$POLICY" -- "$BATS_FILE_TMPDIR/calls" "$mode" "$ORIGIN_PORT" /bytes/100000 "$canary" "$@" >"$TMP/got"
    tail -c 100000 "$TMP/got" | cmp - <(pattern 100000)
    assert_no_clear "$canary"
    assert_inside "$canary"
}

@test "dprintf goes through TLS" {
    fetched dprintf
}

@test "a call that succeeds leaves errno alone, and poll tells the truth" {
    fetched errno
}

@test "MSG_WAITALL over many records" {
    fetched waitall
}

@test "libc's syscall() is routed" {
    fetched syscalls
}

@test "a thread reads while another sends the head a byte at a time" {
    for _ in 1 2 3 4 5; do fetched threads; done
}

@test "a plug-in opened with RTLD_DEEPBIND is within reach" {
    if [[ -n $(sanitizer_runtime) ]]; then skip "sanitizers refuse RTLD_DEEPBIND"; fi
    fetched plugin "$BATS_FILE_TMPDIR/plugin.so"
}

@test "a duplicate from before connect() is the same connection" {
    fetched dup
}

@test "a child that closes its copy leaves the session to the parent" {
    fetched fork-close
}

@test "a program that cleans its environment keeps its policy" {
    fetched clearenv
}

@test "a child of vfork takes nothing through exec, and its parent goes on" {
    fetched vfork
    assert_no_clear leak
}

@test "what was shut down while TLS was on its way is not sent in the clear after all, testing or not" {
    printf '%s\n' 'on 1:' '  expect-head' '  sleep 200' '  send "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"' \
        'else:' '  serve' >"$TMP/script"
    start_origin --script "$TMP/script"
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=none mode=testing" >"$POLICY"
    run -0 tlsup_run -p "$POLICY" -- "$BATS_FILE_TMPDIR/calls" shutdown "$ORIGIN_PORT" / canary-shutdown
    assert_no_clear canary-shutdown
}

@test "an empty first segment lets nothing past" {
    fetched empty
}

@test "aio is refused with a reason and nothing leaves where there is no relay" {
    not_strict 'nothing is started where there is no relay'
    mkdir "$TMP/build"
    cp "$BUILD"/{tlsup,libtlsup.so,libtlsup-tls.so} "$TMP/build"
    local BUILD=$TMP/build
    run -0 tlsup_run -p "$POLICY" -- "$BATS_FILE_TMPDIR/calls" aio "$ORIGIN_PORT" / canary-aio
    [[ $output == *"aio_write EOPNOTSUPP"* ]]
    [[ $output == *"aio_read EOPNOTSUPP"* ]]
    [[ $output == *"tlsup: refused http://"*"(aio)"* ]]
    assert_no_clear canary-aio
    assert_no_clear GET
}
