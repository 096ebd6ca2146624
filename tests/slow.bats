# SPDX-License-Identifier: MIT
# Unmodified HTTP clients when it takes time: over a slow wire, on which every program waits in its own way for the
# dialogue, the handshake and each part of the body, and for a server that lets them wait.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash and clients.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load servers
load clients

export BATS_TEST_TIMEOUT=90

# slowly COMMAND...: three bodies in one run
slowly() {
    governed "$@" get "$SLOW_URL/bytes/$SMALL" a "$SLOW_URL/bytes/1000000" b "$SLOW_URL/chunked/1000000" c
    cmp a "$DATA/small"
    cmp b "$DATA/posted"
    cmp c "$DATA/posted"
    crossed_inside
}

posts_slowly() {
    governed "$@" post "$SLOW_URL/echo" "$DATA/posted" answer
    cmp answer "$DATA/posted"
    crossed_inside
}

@test "slow wire: curl" {
    governed curl -sS --fail -H "$HEADER" -o a "$SLOW_URL/bytes/$SMALL" -o b "$SLOW_URL/bytes/1000000" \
        -o c "$SLOW_URL/chunked/1000000"
    cmp a "$DATA/small"
    cmp b "$DATA/posted"
    cmp c "$DATA/posted"
    governed curl -sS --fail -H "$HEADER" --data-binary "@$DATA/posted" -o d "$SLOW_URL/echo"
    cmp d "$DATA/posted"
    crossed_inside
}

@test "slow wire: curl's multi interface" {
    slowly "$PYTHON" "$PROGRAMS/fetch_multi.py"
}

@test "slow wire: wget" {
    governed wget -q --no-proxy --header "$HEADER" -O a "$SLOW_URL/bytes/$SMALL" "$SLOW_URL/bytes/1000000"
    cat "$DATA/small" "$DATA/posted" | cmp a
    crossed_inside
}

@test "slow wire: python urllib" {
    slowly "$PYTHON" "$PROGRAMS/fetch_urllib.py"
    posts_slowly "$PYTHON" "$PROGRAMS/fetch_urllib.py"
}

@test "slow wire: python asyncio" {
    slowly "$PYTHON" "$PROGRAMS/fetch_asyncio.py"
    posts_slowly "$PYTHON" "$PROGRAMS/fetch_asyncio.py"
}

@test "slow wire: perl HTTP::Tiny" {
    slowly perl "$PROGRAMS/fetch_tiny.pl"
}

@test "slow wire: ab" {
    ab_completes 100 -k -c 10 "$SLOW_URL/bytes/$SMALL"
    ab_completes 20 -c 10 "$SLOW_URL/bytes/$SMALL"
}

@test "slow wire: wrk" {
    wrk_matches small "$SLOW_URL/bytes/$SMALL" -c 10 -d 3s
}

@test "slow wire: node http" {
    slowly node "$PROGRAMS/fetch.js"
    slowly node "$PROGRAMS/fetch.js" keep
    posts_slowly node "$PROGRAMS/fetch.js"
}

@test "slow wire: java HttpURLConnection" {
    slowly java -cp "$DATA/java" FetchConnection
    posts_slowly java -cp "$DATA/java" FetchConnection
}

@test "slow wire: java.net.http" {
    slowly java -cp "$DATA/java" FetchHttpClient
    posts_slowly java -cp "$DATA/java" FetchHttpClient
}

@test "slow wire: a wrong certificate, each client" {
    fails_on_wrong_name 56 curl -sS -H "$HEADER" "$SLOW_WRONG_URL/"
    fails_on_wrong_name 56 "$PYTHON" "$PROGRAMS/fetch_multi.py" get "$SLOW_WRONG_URL/" a
    fails_on_wrong_name 4 wget --no-proxy -t 1 --header "$HEADER" -O a "$SLOW_WRONG_URL/"
    fails_on_wrong_name 1 "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$SLOW_WRONG_URL/" a
    fails_on_wrong_name 1 "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$SLOW_WRONG_URL/" a
    fails_on_wrong_name 1 perl "$PROGRAMS/fetch_tiny.pl" get "$SLOW_WRONG_URL/" a
    fails_on_wrong_name 1 node "$PROGRAMS/fetch.js" get "$SLOW_WRONG_URL/" a
    fails_on_wrong_name 1 java -cp "$DATA/java" FetchConnection get "$SLOW_WRONG_URL/" a
    fails_on_wrong_name 1 java -cp "$DATA/java" FetchHttpClient get "$SLOW_WRONG_URL/" a
}

# ---- waiting ----

# costs_little SECONDS NAME COMMAND...: user and system time, of which a wait that never sleeps would use up all; the
# command writes the file NAME
costs_little() {
    local most=$1 name=$2 used TIMEFORMAT='%U %S'
    shift 2
    used=$({ time governed "$@" >"$name.output" 2>&1; } 2>&1)
    echo "$name: user and system $used s"
    [[ -s $name ]] || {
        cat "$name.output"
        return 1
    }
    awk -v most="$most" '{ exit !($1 + $2 < most) }' <<<"$used"
}

# all_wait URL: every client at a time, for an answer that takes 1.5 s
all_wait() {
    local jobs=() job
    costs_little 0.8 curl curl -sS --fail -H "$HEADER" -o curl "$1" & jobs+=($!)
    costs_little 0.8 multi "$PYTHON" "$PROGRAMS/fetch_multi.py" get "$1" multi & jobs+=($!)
    costs_little 0.8 wget wget -q --no-proxy --header "$HEADER" -O wget "$1" & jobs+=($!)
    costs_little 0.8 urllib "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$1" urllib & jobs+=($!)
    costs_little 0.8 asyncio "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$1" asyncio & jobs+=($!)
    costs_little 0.8 tiny perl "$PROGRAMS/fetch_tiny.pl" get "$1" tiny & jobs+=($!)
    costs_little 1.2 node node "$PROGRAMS/fetch.js" get "$1" node & jobs+=($!)
    for job in "${jobs[@]}"; do wait "$job"; done
}

@test "waiting for an answer costs no time of the processor" {
    all_wait "$URL/slow/1500"
    crossed_inside
}

@test "waiting for TLS costs no time of the processor" {
    printf '%s\n' expect-head 'sleep 700' 101 'sleep 800' tls options-answer serve >script
    start_origin --script script
    policy "*:$ORIGIN_PORT verify ca=$ORIGIN_CA" >policy.conf
    POLICY=$PWD/policy.conf all_wait "http://localhost:$ORIGIN_PORT/bytes/$SMALL"
    for name in curl multi wget urllib asyncio tiny node; do cmp $name "$DATA/small"; done
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}
