# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash; tests are subshells; what is set here
# is used by the suites
# What the suites with unmodified clients share: load lib, load servers, load clients. Two origins, the second with a
# certificate for another name, each also behind a forwarder that is 10 ms late; a policy that says verify; the bodies.

SMALL=1024
BIG=50000000
PROGRAMS=$BATS_TEST_DIRNAME/clients

# One honest origin and one with a certificate for another name serve the whole file; canaries tell the tests apart.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    # the interpreter itself, where python3 is a script that looks for it
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
    mkdir origin.wrong origin.good
    start_origin --dir "$BATS_FILE_TMPDIR/origin.wrong" --cert other --lifetime 1200
    WRONG=$ORIGIN_DIR WRONG_URL=http://localhost:$ORIGIN_PORT WRONG_PORT=$ORIGIN_PORT
    start_origin --dir "$BATS_FILE_TMPDIR/origin.good" --lifetime 1200
    URL=http://localhost:$ORIGIN_PORT
    tap slow "$ORIGIN_PORT" 10
    SLOW_URL=http://localhost:$TAP_PORT
    tap slow.wrong "$WRONG_PORT" 10
    SLOW_WRONG_URL=http://localhost:$TAP_PORT
    pattern $SMALL >small
    pattern $BIG >big
    pattern 1000000 >posted
    policy "*:$ORIGIN_PORT,${SLOW_URL##*:} verify ca=$ORIGIN_CA" \
        "*:$WRONG_PORT,${SLOW_WRONG_URL##*:} verify ca=$WRONG/ca.pem" >policy.conf
    export PYTHON WRONG WRONG_URL WRONG_PORT URL SLOW_URL SLOW_WRONG_URL POLICY=$BATS_FILE_TMPDIR/policy.conf
    export DATA=$BATS_FILE_TMPDIR
    if command -v javac >/dev/null; then
        javac -d "$DATA/java" "$PROGRAMS"/*.java || return
    fi
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY # curl and wget would take another way
}

teardown_file() {
    stop_all
}

setup() {
    free_temp_dir
    cd "$TMP" || return
    export CANARY=canary-$BATS_TEST_NUMBER-$RANDOM$RANDOM
    HEADER="X-Canary: $CANARY"
}

teardown() {
    cd / || return
    stop_all # what this test started; the origins of the file are not in its list
}

policy() {
    echo "defaults - timeout=10 audit=$BATS_FILE_TMPDIR/audit.log"
    printf '%s\n' "$@"
}

governed() {
    tlsup_run -p "$POLICY" -- "$@"
}

# what every success means on the wire: nothing of a request outside TLS, all of it inside
crossed_inside() {
    assert_no_clear "$CANARY"
    ! grep -aFq -- "$CANARY" "$DATA/slow/wire.log" || return
    assert_inside "$CANARY"
}

# fetches_all COMMAND...: COMMAND URL FILE... fetches the four bodies in one run
fetches_all() {
    governed "$@" "$URL/bytes/$SMALL" a "$URL/bytes/$BIG" b "$URL/chunked/$SMALL" c "$URL/chunked/$BIG" d
    same_as_pattern
}

same_as_pattern() {
    cmp a "$DATA/small"
    cmp b "$DATA/big"
    cmp c "$DATA/small"
    cmp d "$DATA/big"
    crossed_inside
}

# posts COMMAND...: COMMAND URL BODY ANSWER posts 1 MB, which the origin sends back
posts() {
    governed "$@" "$URL/echo" "$DATA/posted" answer
    cmp answer "$DATA/posted"
    crossed_inside
}

# fails_on_wrong_name STATUS COMMAND...: a certificate for another name, from the first byte of the request on
fails_on_wrong_name() {
    local expected=$1
    shift
    run --separate-stderr governed "$@"
    echo "status $status, $output $stderr"
    [ "$status" -eq "$expected" ]
    [[ $stderr == *"tlsup: refused http://localhost:"*": certificate is for other.test"* ]]
    nothing_went_wrong
}

nothing_went_wrong() {
    ORIGIN_DIR=$WRONG assert_no_clear "$CANARY"
    ! grep -aFq -- "$CANARY" "$WRONG/inside.log"
}

# ab_completes N OPTION... URL: N requests, none of them failed
ab_completes() {
    local n=$1
    shift
    run governed ab -q -n "$n" -H "$HEADER" "$@"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"Complete requests:      $n"* ]]
    [[ $output == *"Failed requests:        0"* ]]
    [[ $output != *"Non-2xx"* ]]
    crossed_inside
}

# wrk_matches BODY URL OPTION...: every answer has the bytes of the file BODY, and there was one
wrk_matches() {
    local body=$1 url=$2
    shift 2
    run governed env BODY="$DATA/$body" wrk "$@" -t 2 --timeout 20s -s "$PROGRAMS/same_body.lua" -H "$HEADER" "$url"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^same\ [1-9][0-9]*\ other\ 0\ connect\ 0\ read\ 0\ write\ 0\ timeout\ 0$ ]]
    crossed_inside
}
