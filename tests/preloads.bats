#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Other preloaded objects, before ours and after, and programs that are rude to what we rely on: each is upgraded as
# without them, or does not get out.
# check: not-sanitized other allocators would take malloc from the sanitizer
# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # variables of lib.bash, tests are subshells, inner shells have variables too

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    local flags=(-std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1) from=$BATS_TEST_DIRNAME/preloads name
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
    export PYTHON
    compile calls waits_threads
    gcc "${flags[@]}" -o "$BATS_FILE_TMPDIR/rude" "$from/rude.c"
    for name in early_fetch hostile_malloc; do
        gcc "${flags[@]}" -fno-builtin -shared -fPIC -o "$BATS_FILE_TMPDIR/$name.so" "$from/$name.c" -pthread
    done
}

setup() {
    free_temp_dir
    cd "$TMP" || return
    start_origin
    export TLSUP_POLICY=$TMP/policy.conf
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$TMP/audit.log" >"$TLSUP_POLICY"
    umask 022
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY
    OURS=$BUILD/libtlsup.so
    pattern 3000 >body
}

teardown() {
    cd / || return
    stop_all
}

# object NAME: its path in the library directories
object() {
    local path
    for path in "/usr/lib/$(gcc -print-multiarch)/$1" "$(gcc -print-file-name="$1")"; do
        if [[ -e $path ]]; then
            readlink -f "$path"
            return
        fi
    done
    echo "$1 is not there" >&2
    return 1
}

# preloaded LIST COMMAND...
preloaded() {
    LD_PRELOAD=$1 timeout 30 "${@:2}" 3>&- # which is bats'
}

# crosses LIST COMMAND...: the command, which knows the canary by $CANARY, fetches the body: inside TLS
crosses() {
    export CANARY=canary-$RANDOM-$RANDOM
    rm -f got
    preloaded "$1" "${@:2}" >out 2>err || { echo "$*: status $?" >&2; cat err >&2; return 1; }
    [[ -e got ]] || tail -c 3000 out >got
    cmp got body || { echo "$*" >&2; cat err >&2; return 1; }
    [[ ! -s err ]] || { cat err >&2; return 1; }
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

# three LIST: curl, python and a C program
three() {
    local url=http://localhost:$ORIGIN_PORT/bytes/3000
    crosses "$1" bash -c 'exec curl -sS -o got -H "X-Canary: $CANARY" "$0"' "$url"
    crosses "$1" "$PYTHON" "$BATS_TEST_DIRNAME/clients/fetch_urllib.py" get "$url" got
    crosses "$1" sh -c 'exec "$0" waitall "$1" /bytes/3000 "$CANARY"' "$BATS_FILE_TMPDIR/calls" "$ORIGIN_PORT"
}

# both OBJECT: after ours and before
both() {
    three "$OURS:$1"
    three "$1:$OURS"
}

nothing_left() { # of a request
    assert_no_clear GET
    [ ! -s "$ORIGIN_DIR/inside.log" ]
}

# ---- allocators ----------------------------------------------------------------------------------------------------

@test "jemalloc" {
    both "$(object libjemalloc.so.2)"
}

@test "tcmalloc" {
    both "$(object libtcmalloc_minimal.so.4)"
}

@test "an allocator that calls what we interpose, with its lock held, from the first allocation on" {
    local order hostile=$BATS_FILE_TMPDIR/hostile_malloc.so
    both "$hostile"
    for order in "$OURS:$hostile" "$hostile:$OURS"; do
        preloaded "$order" "$BATS_FILE_TMPDIR/waits_threads" "$ORIGIN_PORT" "threads-$CANARY" thread-epoll-add thread-pool
        assert_inside "threads-$CANARY"
        assert_no_clear "threads-$CANARY"
    done
}

# node exports OpenSSL's symbols, so the engine is bound deeply, which would also bind it past another malloc
@test "node, which brings its own OpenSSL, with each of them" {
    local name
    for name in "$(object libjemalloc.so.2)" "$(object libtcmalloc_minimal.so.4)" "$BATS_FILE_TMPDIR/hostile_malloc.so"; do
        crosses "$OURS:$name" node "$BATS_TEST_DIRNAME/clients/fetch.js" get "http://localhost:$ORIGIN_PORT/bytes/3000" got
        crosses "$name:$OURS" node "$BATS_TEST_DIRNAME/clients/fetch.js" get "http://localhost:$ORIGIN_PORT/bytes/3000" got
    done
}

# ---- clocks --------------------------------------------------------------------------------------------------------

@test "libfaketime" {
    export FAKETIME='-5m x2'
    both "$(object faketime/libfaketime.so.1)"
}

@test "libfaketime: a clock that stands still, or runs, ends waits as without us" {
    local faketime order plain
    faketime=$(object faketime/libfaketime.so.1)
    for FAKETIME in "$(date '+%F %T')" '+0 x20' '+0 x0.1'; do
        export FAKETIME CANARY=in-the-clear
        plain=$(LD_PRELOAD=$faketime TLSUP_POLICY='' timeout 20 "$PYTHON" "$BATS_TEST_DIRNAME/preloads/timeouts.py" "$ORIGIN_PORT")
        CANARY=canary-$RANDOM
        for order in "$OURS:$faketime" "$faketime:$OURS"; do
            run -0 preloaded "$order" "$PYTHON" "$BATS_TEST_DIRNAME/preloads/timeouts.py" "$ORIGIN_PORT"
            [ "$output" = "$plain" ]
        done
        assert_no_clear "$CANARY"
        assert_inside "$CANARY"
    done
}

@test "libfaketime: certificates are judged by the program's time" {
    local faketime
    faketime=$(object faketime/libfaketime.so.1)
    FAKETIME=+30y run -26 --separate-stderr preloaded "$OURS:$faketime" bash -c \
        'curl -sS "$0" && exit; s=$?; ((s == 55 || s == 56)) && exit 26' "http://localhost:$ORIGIN_PORT/"
    [[ $stderr == *'certificate'*'expired'* ]]
    nothing_left
}

# ---- AddressSanitizer ----------------------------------------------------------------------------------------------

@test "AddressSanitizer's runtime goes first, wherever it stood" {
    local runtime early
    runtime=$(object libasan.so)
    export ASAN_OPTIONS=detect_leaks=0
    gcc -shared -fPIC -Wl,-z,initfirst -o early.so "$ROOT/tests/clients/early.c"
    early=$PWD/early.so
    three "$runtime:$early:$OURS"
    LD_PRELOAD=$runtime:$early run -0 "$BUILD/tlsup" run -p "$TLSUP_POLICY" -- printenv LD_PRELOAD
    [ "$output" = "$runtime:$OURS:$early" ]
    run -1 preloaded "$OURS:$runtime" "$BATS_FILE_TMPDIR/calls" waitall "$ORIGIN_PORT" / canary # its own word
    [[ $output == *'ASan runtime does not come first'* ]]
    assert_no_clear canary
}

@test "a program that was built with AddressSanitizer" {
    export ASAN_OPTIONS=detect_leaks=0
    gcc -fsanitize=address -std=gnu11 -D_GNU_SOURCE -o gcc.asan "$ROOT/tests/clients/calls.c" -pthread
    clang -fsanitize=address -std=gnu11 -D_GNU_SOURCE -o clang.asan "$ROOT/tests/clients/calls.c" -pthread
    local fetch='exec "$0" waitall "$1" /bytes/3000 "$CANARY"'
    crosses "$OURS" sh -c "$fetch" ./clang.asan "$ORIGIN_PORT"
    crosses "$(object libasan.so):$OURS" sh -c "$fetch" ./gcc.asan "$ORIGIN_PORT"
    run -1 preloaded "$OURS" ./gcc.asan waitall "$ORIGIN_PORT" / canary # as with any preload
    [[ $output == *'ASan runtime does not come first'* ]]
    assert_no_clear canary
}

# ---- the loader ----------------------------------------------------------------------------------------------------

# rude LIST MODE [FILE]
rude() {
    crosses "$1" sh -c 'exec "$0" "$1" "$2" "$CANARY" "$3"' "$BATS_FILE_TMPDIR/rude" "$2" "$ORIGIN_PORT" "${3:-}"
}

@test "what is loaded by dlmopen into a namespace of its own" {
    rude "$OURS" plugin "$BATS_FILE_TMPDIR/early_fetch.so"
    # where no instance of ours can be had there, nothing is loaded
    mkdir build
    cp "$BUILD"/libtlsup{,-tls}.so build
    run -3 preloaded "$PWD/build/libtlsup.so" "$BATS_FILE_TMPDIR/rude" plugin "$ORIGIN_PORT" canary-gone \
        "$BATS_FILE_TMPDIR/early_fetch.so" build/libtlsup.so
    [[ $output == *libtlsup.so* ]]
    assert_no_clear canary-gone
}

@test "a constructor that runs before ours dials" {
    crosses "$OURS:$BATS_FILE_TMPDIR/early_fetch.so" \
        sh -c 'EARLY="call $1 $CANARY" exec "$0" wait "$1" x' "$BATS_FILE_TMPDIR/rude" "$ORIGIN_PORT"
}

@test "a thread of such a constructor dials while ours runs" {
    crosses "$OURS:$BATS_FILE_TMPDIR/early_fetch.so" \
        sh -c 'EARLY="thread $1 $CANARY" exec "$0" wait "$1" x' "$BATS_FILE_TMPDIR/rude" "$ORIGIN_PORT"
}

# ---- descriptors ---------------------------------------------------------------------------------------------------

@test "every descriptor is closed at start, and again between two connections" {
    rude "$OURS" closefrom
    rude "$OURS" close-range
}

@test "RLIMIT_NOFILE is lowered, also below the number of the socket" {
    rude "$OURS" few
    rude "$OURS" fewer
    rude "$OURS" fewer-open
}

@test "RLIMIT_NOFILE leaves no descriptor for the authorities: refused with the reason" {
    run -1 --separate-stderr preloaded "$OURS" "$BATS_FILE_TMPDIR/rude" none "$ORIGIN_PORT" canary
    [[ $stderr == *'tlsup: refused http://'* ]]
    nothing_left
}
