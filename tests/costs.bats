# SPDX-License-Identifier: MIT
# What calls cost, counted in calls of libc and the kernel, not in time: those that are none of our business, a request in
# pieces, and one of a thousand connections.
# check: alone a thousand handshakes
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    compile costs scale
    gcc -std=gnu11 -D_GNU_SOURCE -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/tally.so" "$BATS_TEST_DIRNAME/clients/tally.c"
}

setup() {
    free_temp_dir
    ulimit -n "$(ulimit -Hn)" # for the server's side
    CANARY=canary-$RANDOM$RANDOM
    mkdir "$TMP/origin"
    start_origin --dir "$TMP/origin"
    echo "*:$ORIGIN_PORT verify try=upgrade audit=none ca=$ORIGIN_CA" >"$TMP/policy"
}

# counted PROGRAM ARGUMENT...
counted() {
    LD_PRELOAD=$BATS_FILE_TMPDIR/tally.so tlsup_run -p "$TMP/policy" -- "$BATS_FILE_TMPDIR/$1" "${@:2}"
}

@test "a descriptor that is none of our business costs its own call, and no memory" {
    counted costs "$ORIGIN_PORT" "$CANARY" >"$TMP/costs"
    cat "$TMP/costs" >&2
    run ! grep -v -e ' 1 0$' -e '^whole' -e '^pieces' "$TMP/costs"
    (($(grep -c ' 1 0$' "$TMP/costs") == 10))
    assert_no_clear "$CANARY"
}

@test "a request in pieces costs what it costs in one" {
    counted costs "$ORIGIN_PORT" "$CANARY" >"$TMP/costs"
    cat "$TMP/costs" >&2
    local whole pieces
    read -r _ whole _ < <(grep '^whole ' "$TMP/costs")
    read -r _ pieces _ < <(grep '^pieces ' "$TMP/costs")
    ((whole > 1 && pieces == whole)) # it was counted, and it was ours
    assert_inside "$CANARY"
}

# scale N: what it costs with that many connections, in "$TMP/N"
scale() {
    counted scale "$1" "$ORIGIN_PORT" "$CANARY" >"$TMP/$1"
}

# cost N WHAT: tenths of a call
cost() {
    awk -v what="$2" '$1 == what { print $2 }' "$TMP/$1"
}

@test "a call on one of a thousand connections costs what it costs on one of twenty" {
    scale 20
    scale 1000
    head "$TMP"/{20,1000} >&2
    (($(cost 1000 wait) == $(cost 20 wait)))
    (($(cost 1000 round) <= $(cost 20 round) * 12 / 10 + 10))
    (($(cost 1000 dial) <= $(cost 20 dial) * 15 / 10))
    (($(cost 20 wait) > 0 && $(cost 20 round) > 0)) # they were counted at all
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}
