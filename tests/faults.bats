# SPDX-License-Identifier: MIT
# What our objects ask for is not there: memory, descriptors, room on the disk, at each place in turn. The program may be
# given an error; it does not crash, it does not hang, and nothing crosses in the clear.
# check: not-sanitized the sanitizer's allocator is its own
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash; tests are subshells
bats_require_minimum_version 1.5.0
load lib

setup_file() {
    export BATS_TEST_TIMEOUT=240
    gcc -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin -shared -fPIC -o "$BATS_FILE_TMPDIR/fail.so" \
        "$BATS_TEST_DIRNAME/faults/fail.c"
    compile calls
}

setup() {
    free_temp_dir
    cd "$TMP" || return
    umask 022
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY
    start_origin
    export CANARY=canary-$RANDOM-$RANDOM TLSUP_POLICY=$TMP/policy.conf
    pattern 3000 >body
}

teardown() {
    cd / || return
    stop_all
}

# rule OPTIONS: for the origin's port
rule() {
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$TMP/audit.log messages=none timeout=5 $*" >"$TLSUP_POLICY"
}

# fetch FAULT: the body, by a client that knows no TLS; its status
fetch() {
    rm -f got
    timeout 20 env FAULT="$1" FAULT_COUNT="$TMP/count" LD_PRELOAD="$BUILD/libtlsup.so:$BATS_FILE_TMPDIR/fail.so" \
        wget -q --tries=1 --timeout=8 --header "X-Canary: $CANARY" -O got "http://localhost:$ORIGIN_PORT/bytes/3000" \
        >out 2>err 3>&-
}

# survives FAULT: an answer that is whole, or an error
survives() {
    local status=0
    fetch "$1" || status=$?
    if ((status >= 124)); then
        echo "$1: status $status" >&2
        return 1
    fi
    if ((status == 0)) && ! cmp -s got body; then
        echo "$1: it ended well, and the body is not what it should be" >&2
        return 1
    fi
    ((status)) || arrived=$((arrived + 1))
    assert_no_clear "$CANARY" || { echo "$1" >&2; return 1; }
}

# each WHAT MOST: every one of those that there are, or MOST of them, evenly
each() {
    local n step total
    arrived=0
    fetch "$1:0"
    cmp got body
    total=$(<count)
    [ "$total" -gt 0 ]
    step=$((total / $2 + 1))
    for ((n = 1 + RANDOM % step; n <= total; n += step)); do survives "$1:$n"; done
    for ((n = 1 + RANDOM % step; n <= total; n += 3 * step)); do survives "$1+:$n"; done
    echo "# $1: $total in all, every $step. failed; $arrived answers arrived all the same" >&3
}

@test "memory that we ask for, in band" {
    rule try=upgrade
    each ours 60
}

@test "memory that OpenSSL asks for, in band" {
    rule try=upgrade
    each memory 60
}

@test "memory, implicit and in a tunnel of ways" {
    rule try=upgrade,implicit "implicit-port=$ORIGIN_TLS_PORT"
    each ours 25
    each memory 25
}

@test "descriptors" {
    rule try=upgrade
    each files 60
}

@test "a policy that could not be read for want of a descriptor, or of memory, is read by the next connection" {
    rule try=upgrade
    for fault in files:1 files:2 ours:1 ours:2 ours:3; do
        run env FAULT="$fault" LD_PRELOAD="$BUILD/libtlsup.so:$BATS_FILE_TMPDIR/fail.so" wget -q --tries=1 --timeout=8 \
            --header "X-Canary: $CANARY" -O got "http://localhost:$ORIGIN_PORT/bytes/30" "http://localhost:$ORIGIN_PORT/bytes/3000"
        tail -c 3000 got | cmp - body || { echo "$fault: $output" >&2; return 1; }
        assert_no_clear "$CANARY"
    done
}

@test "no room left for records: the result is the same" {
    need_mounts
    mkdir full
    rule try=upgrade
    sed -i "s#audit=[^ ]*#audit=$TMP/full/audit.log#" "$TLSUP_POLICY"
    # shellcheck disable=SC2016 # the inner shell's own
    unshare -m bash -c 'mount -t tmpfs -o size=4k,mode=755 tmpfs full
        head -c 4096 /dev/zero >full/fill
        ! echo x >>full/fill || exit 99
        LD_PRELOAD=$0 exec wget -q --tries=1 --header "X-Canary: $CANARY" -O got "$1"' \
        "$BUILD/libtlsup.so" "http://localhost:$ORIGIN_PORT/bytes/3000" 2>err 3>&-
    cmp got body
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}
