# SPDX-License-Identifier: MIT
# Unmodified HTTP clients at level verify: what they fetch is byte for byte what the origin has, small and large, with
# Content-Length and chunked; no field of theirs crosses in the clear; a wrong certificate makes each of them fail.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load servers
load clients

export BATS_TEST_TIMEOUT=90

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
    run --separate-stderr governed curl -sS -H "$HEADER" "http://127.0.0.1:$WRONG_PORT/"
    [ "$status" -eq 56 ]
    [[ $stderr == *"tlsup: refused http://127.0.0.1:$WRONG_PORT: certificate is for other.test"* ]]
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
    not_below "wget takes an interrupted look at the connection for its end"
    run governed wget -S --no-proxy --header "$HEADER" -O a "$URL/bytes/$SMALL" "$URL/chunked/$SMALL"
    [ "$status" -eq 0 ]
    [[ $output == *"HTTP/1.1 200 OK"*"Content-Length: $SMALL"*"Reusing existing connection"*"ransfer-Encoding: chunked"* ]]
    cat "$DATA/small" "$DATA/small" | cmp a
    crossed_inside
}

@test "wget: goes on where a part ends" {
    head -c 10000000 "$DATA/big" >"$BIG"
    governed wget -q -c --no-proxy --header "$HEADER" "$URL/bytes/$BIG"
    cmp "$BIG" "$DATA/big"
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
