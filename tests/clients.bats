# SPDX-License-Identifier: MIT
# Unmodified HTTP clients at level verify: what they fetch is byte for byte what the origin has, small and large, with
# Content-Length and chunked; no field of theirs crosses in the clear; a wrong certificate makes each of them fail.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load servers # tap

export BATS_TEST_TIMEOUT=90
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
    export PYTHON WRONG WRONG_URL URL SLOW_URL SLOW_WRONG_URL POLICY=$BATS_FILE_TMPDIR/policy.conf
    export DATA=$BATS_FILE_TMPDIR AUDIT=$BATS_FILE_TMPDIR/audit.log
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

# slowly COMMAND...: the same over a wire on which everything takes its time, so that every program waits for the
# dialogue, the handshake and each part of the body in its own way
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

nothing_went_wrong() {
    ORIGIN_DIR=$WRONG assert_no_clear "$CANARY"
    ! grep -aFq -- "$CANARY" "$WRONG/inside.log"
}

# ---- curl ----

@test "curl: four bodies, a process each" {
    governed curl -sS --fail -H "$HEADER" -o a "$URL/bytes/$SMALL"
    governed curl -sS --fail -H "$HEADER" -o b "$URL/bytes/$BIG"
    governed curl -sS --fail -H "$HEADER" -o c "$URL/chunked/$SMALL"
    governed curl -sS --fail -H "$HEADER" -o d "$URL/chunked/$BIG"
    same_as_pattern
}

@test "curl: four bodies on one connection" {
    run governed curl -sS --fail -H "$HEADER" -w '%{num_connects} %{http_version} %{scheme}\n' -o a "$URL/bytes/$SMALL" \
        -o b "$URL/bytes/$BIG" -o c "$URL/chunked/$SMALL" -o d "$URL/chunked/$BIG"
    [ "$status" -eq 0 ]
    [ "$output" = $'1 1.1 HTTP\n0 1.1 HTTP\n0 1.1 HTTP\n0 1.1 HTTP' ]
    same_as_pattern
}

@test "curl: a hundred small requests on one connection do not wait for each other" {
    run governed curl -sS --fail -H "$HEADER" -w '%{num_connects} %{time_total}\n' -o /dev/null "$URL/bytes/$SMALL?[1-100]"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 100 ]
    awk '{ connects += $1; time += $2 } END { print connects, time; exit !(connects == 1 && time < 3) }' <<<"$output"
    crossed_inside
}

@test "curl: a body that ends with the connection" {
    governed curl -sS --fail -H "$HEADER" -o a "$URL/eof/$SMALL"
    governed curl -sS --fail -H "$HEADER" -o b "$URL/eof/$BIG"
    cmp a "$DATA/small"
    cmp b "$DATA/big"
    crossed_inside
}

@test "curl: a name that --resolve knows" {
    governed curl -sS --fail -H "$HEADER" --resolve "srv.test:$ORIGIN_PORT:127.0.0.1" -o a \
        "http://srv.test:$ORIGIN_PORT/bytes/$SMALL"
    cmp a "$DATA/small"
    crossed_inside
}

@test "curl: an address in the URL" {
    governed curl -sS --fail -H "$HEADER" -o a "http://127.0.0.1:$ORIGIN_PORT/bytes/$SMALL"
    cmp a "$DATA/small"
    crossed_inside
}

@test "curl: an address in the URL that the certificate does not name" {
    run --separate-stderr governed curl -sS -H "$HEADER" "http://127.0.0.2:$WRONG_PORT/"
    [ "$status" -ne 0 ]
    nothing_went_wrong
}

@test "curl: HEAD" {
    run governed curl -sS --fail -I -H "$HEADER" "$URL/bytes/$BIG"
    [ "$status" -eq 0 ]
    [[ $output == "HTTP/1.1 200"*"Content-Length: $BIG"* ]]
    crossed_inside
}

@test "curl: HEAD and then GET on one connection" {
    run governed curl -sS --fail -I -H "$HEADER" -w '%{num_connects}\n' -o /dev/null "$URL/bytes/$BIG" \
        --next -sS --fail -H "$HEADER" -w '%{num_connects}\n' -o a "$URL/bytes/$SMALL"
    [ "$status" -eq 0 ]
    [ "$output" = $'1\n0' ]
    cmp a "$DATA/small"
    crossed_inside
}

@test "curl: ranges" {
    run governed curl -sS --fail -r 1000-2999 -w '%{http_code}' -H "$HEADER" -o a "$URL/bytes/$BIG"
    [ "$output" = 206 ]
    [ "$status" -eq 0 ]
    pattern 2000 1000 | cmp a
    governed curl -sS --fail -r -7 -H "$HEADER" -o b "$URL/bytes/$BIG"
    tail -c 7 "$DATA/big" | cmp b
    crossed_inside
}

@test "curl: HTTP/1.0" {
    governed curl -0 -sS --fail -H "$HEADER" -o b "$URL/bytes/$BIG"
    cmp b "$DATA/big"
    crossed_inside
}

@test "curl: eight at a time" {
    run governed curl -sS --fail -Z --parallel-max 8 --parallel-immediate -H "$HEADER" -o 'part#1' "$URL/bytes/1000000?[1-16]"
    [ "$status" -eq 0 ]
    for part in {1..16}; do cmp "part$part" "$DATA/posted"; done
    crossed_inside
}

@test "curl: POST of 1 MB, with and without Expect" {
    governed curl -sS --fail -H "$HEADER" --data-binary "@$DATA/posted" -o a "$URL/echo"
    governed curl -sS --fail -H "$HEADER" -H 'Expect:' --data-binary "@$DATA/posted" -o b "$URL/echo"
    cmp a "$DATA/posted"
    cmp b "$DATA/posted"
    crossed_inside
}

@test "curl: POST of 1 MB in chunks" {
    governed curl -sS --fail -H "$HEADER" -H 'Transfer-Encoding: chunked' --data-binary "@$DATA/posted" -o a "$URL/echo"
    cmp a "$DATA/posted"
    crossed_inside
}

@test "curl: a redirect to the same origin" {
    governed curl -sS --fail -L -H "$HEADER" -o a "$URL/redirect?to=$URL/bytes/$SMALL"
    cmp a "$DATA/small"
    crossed_inside
}

@test "curl: a wrong certificate" {
    fails_on_wrong_name 56 curl -sS -H "$HEADER" "$WRONG_URL/"
    [[ $stderr == *"Key was rejected by service"* ]]
}

@test "curl's multi interface: four bodies at once" {
    fetches_all "$PYTHON" "$PROGRAMS/fetch_multi.py" get
}

@test "curl's multi interface: a wrong certificate" {
    fails_on_wrong_name 56 "$PYTHON" "$PROGRAMS/fetch_multi.py" get "$WRONG_URL/" a
}

# ---- wget ----

@test "wget: four bodies on one connection" {
    governed wget -q --no-proxy --header "$HEADER" -O a "$URL/bytes/$SMALL"
    governed wget -q --no-proxy --header "$HEADER" -O b "$URL/bytes/$BIG"
    governed wget -q --no-proxy --header "$HEADER" -O c "$URL/chunked/$SMALL"
    governed wget -q --no-proxy --header "$HEADER" -O d "$URL/chunked/$BIG"
    same_as_pattern
}

@test "wget -S: shows the fields of the answer, keeps the connection" {
    run governed wget -S --no-proxy --header "$HEADER" -O a "$URL/bytes/$SMALL" "$URL/chunked/$SMALL"
    [ "$status" -eq 0 ]
    [[ $output == *"HTTP/1.1 200 OK"*"Content-Length: $SMALL"*"Reusing existing connection"*"ransfer-Encoding: chunked"* ]]
    cat "$DATA/small" "$DATA/small" | cmp a
    crossed_inside
}

@test "wget: goes on where a part ends" {
    head -c 10000000 "$DATA/big" >$BIG
    governed wget -q -c --no-proxy --header "$HEADER" "$URL/bytes/$BIG"
    cmp $BIG "$DATA/big"
    crossed_inside
}

@test "wget: a wrong certificate" {
    fails_on_wrong_name 4 wget --no-proxy -t 1 --header "$HEADER" -O a "$WRONG_URL/"
    [[ $stderr == *"Key was rejected by service"* ]]
}

# ---- python ----

@test "python urllib: four bodies" {
    fetches_all "$PYTHON" "$PROGRAMS/fetch_urllib.py" get
}

@test "python urllib: POST of 1 MB" {
    posts "$PYTHON" "$PROGRAMS/fetch_urllib.py" post
}

@test "python urllib: a wrong certificate" {
    fails_on_wrong_name 1 "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$WRONG_URL/" a
    [[ $stderr == *"Key was rejected by service"* ]]
}

@test "python asyncio: four bodies on one connection" {
    fetches_all "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get
}

@test "python asyncio: POST of 1 MB" {
    posts "$PYTHON" "$PROGRAMS/fetch_asyncio.py" post
}

@test "python asyncio: a wrong certificate" {
    fails_on_wrong_name 1 "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$WRONG_URL/" a
    [[ $stderr == *"Key was rejected by service"* ]]
}

# ---- perl ----

@test "perl HTTP::Tiny: four bodies" {
    fetches_all perl "$PROGRAMS/fetch_tiny.pl" get
}

@test "perl HTTP::Tiny: a wrong certificate" {
    fails_on_wrong_name 1 perl "$PROGRAMS/fetch_tiny.pl" get "$WRONG_URL/" a
    [[ $stderr == *"Key was rejected by service"* ]]
}

# ---- ab, wrk ----

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

@test "ab: fifty kept connections, small" {
    ab_completes 2000 -k -c 50 "$URL/bytes/$SMALL"
    [[ $output == *"Keep-Alive requests:    2000"* ]]
    [[ $output == *"HTML transferred:       $((2000 * SMALL)) bytes"* ]]
}

@test "ab: a connection each" {
    ab_completes 100 -c 10 "$URL/bytes/$SMALL"
}

@test "ab: large bodies" {
    ab_completes 4 -k -c 2 "$URL/bytes/$BIG"
    [[ $output == *"HTML transferred:       $((4 * BIG)) bytes"* ]]
}

@test "ab: chunked" {
    ab_completes 100 -k -c 50 "$URL/chunked/$SMALL"
    ab_completes 2 -c 2 "$URL/chunked/$BIG"
}

@test "ab: a wrong certificate" {
    run --separate-stderr governed ab -q -k -c 50 -n 100 -H "$HEADER" "$WRONG_URL/"
    echo "status $status $output $stderr"
    [ "$status" -ne 0 ]
    [[ $stderr == *"Key was rejected by service"* ]]
    nothing_went_wrong
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

@test "wrk: fifty connections, small" {
    wrk_matches small "$URL/bytes/$SMALL" -c 50 -d 2s
}

@test "wrk: fifty connections, chunked" {
    wrk_matches small "$URL/chunked/$SMALL" -c 50 -d 2s
}

@test "wrk: large bodies" {
    local body=big
    # wrk collects a body by realloc, each of which copies all under AddressSanitizer: 1 MB is what it can do then
    if [[ -n $(sanitizer_runtime) ]]; then body=posted; fi
    wrk_matches $body "$URL/bytes/$(stat -c %s "$DATA/$body")" -c 2 -d 2s
    wrk_matches $body "$URL/chunked/$(stat -c %s "$DATA/$body")" -c 2 -d 2s
}

@test "wrk: a wrong certificate" {
    run --separate-stderr governed env BODY="$DATA/small" wrk -t 2 -c 50 -d 1s -s "$PROGRAMS/same_body.lua" -H "$HEADER" "$WRONG_URL/"
    echo "$output $stderr"
    [[ ${lines[-1]} =~ ^same\ 0\ other\ 0\  ]]
    [[ ! ${lines[-1]} =~ \ connect\ 0\ read\ 0\ write\ 0\  ]] # wrk's status is 0 whatever happens
    [[ $stderr == *"tlsup: refused $WRONG_URL: certificate is for other.test"* ]]
    nothing_went_wrong
}

# ---- node ----

@test "node http: four bodies, a connection each" {
    fetches_all node "$PROGRAMS/fetch.js" get
}

@test "node http: four bodies through an agent that keeps its connection" {
    fetches_all node "$PROGRAMS/fetch.js" keep get
}

@test "node http: POST of 1 MB" {
    posts node "$PROGRAMS/fetch.js" post
}

@test "node http: a wrong certificate" {
    fails_on_wrong_name 1 node "$PROGRAMS/fetch.js" get "$WRONG_URL/" a
}

# ---- java ----

@test "java HttpURLConnection: four bodies" {
    fetches_all java -cp "$DATA/java" FetchConnection get
}

@test "java HttpURLConnection: POST of 1 MB" {
    posts java -cp "$DATA/java" FetchConnection post
}

@test "java HttpURLConnection: a wrong certificate" {
    fails_on_wrong_name 1 java -cp "$DATA/java" FetchConnection get "$WRONG_URL/" a
}

@test "java.net.http: four bodies" {
    fetches_all java -cp "$DATA/java" FetchHttpClient get
}

@test "java.net.http: POST of 1 MB" {
    posts java -cp "$DATA/java" FetchHttpClient post
}

@test "java.net.http: a wrong certificate" {
    fails_on_wrong_name 1 java -cp "$DATA/java" FetchHttpClient get "$WRONG_URL/" a
}

# ---- a slow wire ----

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
    wrk_matches small "$SLOW_URL/bytes/$SMALL" -c 10 -d 1s
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
