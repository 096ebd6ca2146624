# SPDX-License-Identifier: MIT
# Real servers: CUPS' scheduler and its sample printer upgrade (RFC 2817), nginx and python's http.server will not. What
# crossed is read from a forwarder in between, which keeps every byte.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash and servers.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load servers

export BATS_TEST_TIMEOUT=60
PROGRAMS=$BATS_TEST_DIRNAME/clients

setup_file() {
    export SERVERS=$BATS_FILE_TMPDIR PYTHON
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
    make_ca
    start_cupsd cupsd localhost
    tapped CUPSD
    start_cupsd misnamed cups.test
    tapped MISNAMED
    start_ippeveprinter ippeveprinter
    tapped PRINTER
    start_nginx nginx
    tapped NGINX
    start_http_server http.server
    tapped HTTP_SERVER
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY
}

# tapped NAME: NAME_PORT is a tap of the server that was started last, a little late, so that everybody has to wait
tapped() {
    tap "$SERVERS/tap.$1" "$SERVER_PORT" 3
    export "$1_PORT=$TAP_PORT"
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
}

# server NAME LEVEL: what governed commands of this test meet at $URL, and what crosses in $WIRE
server() {
    local port=$1_PORT
    URL=http://localhost:${!port} WIRE=$SERVERS/tap.$1/wire.log
    WIRE_START=$(stat -c %s "$WIRE")
    printf '%s\n' "defaults - timeout=10 audit=$TMP/audit.log" "localhost:${!port} $2" >policy.conf
}

governed() {
    tlsup_run -p "$TMP/policy.conf" -- "$@"
}

# what this test put on the wire
wire() {
    tail -c +$((WIRE_START + 1)) "$WIRE"
}

on_wire() {
    wire >crossed
    grep -aFq -- "$1" crossed
}

crossed_in_tls() {
    on_wire 'OPTIONS * HTTP/1.1'
    on_wire 'HTTP/1.1 101 Switching Protocols'
    ! on_wire "$CANARY" || return
    ! on_wire 'GET /' || return
    grep -q '"action":"upgraded"' audit.log
}

crossed_in_the_clear() {
    on_wire "$CANARY"
    grep -q '"action":"allowed-plain"' audit.log
}

nothing_crossed() {
    ! on_wire "$CANARY" || return
    ! on_wire 'GET /' || return
    grep -q '"action":"blocked"' audit.log
}

# the page of cupsd, nginx and python's server
is_the_page() {
    cmp "$1" "$SERVERS/www/index.html"
}

# ippeveprinter's own page, which is made for each request and ends with the connection
is_the_printers_page() {
    grep -q '<title>Printer</title>' "$1"
    grep -q '</html>' "$1"
}

# ---- cupsd: 101 without Connection: Upgrade ----

@test "cupsd: curl" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    governed curl -sS --fail -H "$HEADER" -o page "$URL/"
    is_the_page page
    crossed_in_tls
}

@test "cupsd: curl, three requests on one connection" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    run governed curl -sS --fail -w '%{num_connects}\n' -H "$HEADER" -o 'page#1' "$URL/?[1-3]"
    [ "$status" -eq 0 ]
    [ "$output" = $'1\n0\n0' ]
    for page in 1 2 3; do is_the_page "page$page"; done
    crossed_in_tls
}

@test "cupsd: curl, by address" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    governed curl -sS --fail -H "$HEADER" -o page "http://127.0.0.1:$CUPSD_PORT/"
    is_the_page page
    crossed_in_tls
}

@test "cupsd: wget" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    governed wget -q --no-proxy --header "$HEADER" -O page "$URL/"
    is_the_page page
    crossed_in_tls
}

@test "cupsd: python urllib" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/" page
    is_the_page page
    crossed_in_tls
}

@test "cupsd: python asyncio, node" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    governed "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$URL/" a "$URL/" b
    governed node "$PROGRAMS/fetch.js" keep get "$URL/" c "$URL/" d
    for page in a b c d; do is_the_page $page; done
    crossed_in_tls
}

@test "cupsd: an IPP request with a body" {
    server CUPSD "verify ca=$SERVERS/ca.pem"
    # Get-Printers (RFC 8011 appendix of CUPS: operation 0x4002) with the two attributes that every request has
    printf '\x01\x01\x40\x02\x00\x00\x00\x01\x01G\x00\x12attributes-charset\x00\x05utf-8H\x00\x1battributes-natural-language\x00\x02en\x03' >ipp
    governed curl -sS --fail -H "$HEADER" -H 'Content-Type: application/ipp' --data-binary @ipp -o answer "$URL/"
    grep -aq attributes-charset answer
    crossed_in_tls
}

@test "cupsd: a certificate for another name" {
    server MISNAMED "verify ca=$SERVERS/ca.pem"
    run --separate-stderr governed curl -sS -H "$HEADER" "$URL/"
    [ "$status" -eq 56 ]
    [[ $stderr == *"Key was rejected by service"* ]]
    [[ $stderr == *"tlsup: refused $URL: certificate is for cups.test"* ]]
    on_wire 'HTTP/1.1 101 Switching Protocols'
    nothing_crossed
    grep -q '"result_type":"certificate-host-mismatch"' audit.log
}

@test "cupsd: a certificate for another name, python's errno" {
    server MISNAMED "verify ca=$SERVERS/ca.pem"
    run --separate-stderr governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/" page
    [ "$status" -eq 1 ]
    [[ $stderr == *"Key was rejected by service"* ]]
    nothing_crossed
}

@test "cupsd: a certificate for another name is no way to the clear at level may" {
    server MISNAMED may
    governed curl -sS --fail -H "$HEADER" -o page "$URL/"
    is_the_page page
    crossed_in_tls # may does not check who it is
}

@test "cupsd: an authority that we do not know" {
    server CUPSD verify
    run --separate-stderr governed curl -sS -H "$HEADER" "$URL/"
    [ "$status" -eq 56 ]
    [[ $stderr == *"Key was rejected by service"* ]]
    nothing_crossed
    grep -q '"result_type":"certificate-not-trusted"' audit.log
}

# ---- ippeveprinter: the 101 names a body that is not there, the OPTIONS answer is chunked and never ends ----

@test "ippeveprinter: curl" {
    server PRINTER "verify ca=$SERVERS/ca.pem"
    governed curl -sS --fail -H "$HEADER" -o page "$URL/"
    is_the_printers_page page
    crossed_in_tls
}

@test "ippeveprinter: curl, three requests" {
    server PRINTER "verify ca=$SERVERS/ca.pem"
    governed curl -sS --fail -H "$HEADER" -o 'page#1' "$URL/?[1-3]"
    for page in 1 2 3; do is_the_printers_page "page$page"; done
    crossed_in_tls
}

@test "ippeveprinter: wget" {
    server PRINTER "verify ca=$SERVERS/ca.pem"
    governed wget -q --no-proxy --header "$HEADER" -O page "$URL/"
    is_the_printers_page page
    crossed_in_tls
}

@test "ippeveprinter: python urllib" {
    server PRINTER "verify ca=$SERVERS/ca.pem"
    governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/" page
    is_the_printers_page page
    crossed_in_tls
}

@test "ippeveprinter: python asyncio" {
    server PRINTER "verify ca=$SERVERS/ca.pem"
    governed "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$URL/" page
    is_the_printers_page page
    crossed_in_tls
}

# ---- nginx: 400 and close; python's http.server: 501 and close ----

@test "nginx: refused at verify" {
    server NGINX "verify ca=$SERVERS/ca.pem"
    run --separate-stderr governed curl -sS -H "$HEADER" "$URL/"
    [ "$status" -eq 56 ]
    [[ $stderr == *"Permission denied"* ]]
    [[ $stderr == *"tlsup: refused $URL: "*"400"* ]]
    nothing_crossed
    grep -q '"result_type":"starttls-not-supported"' audit.log
}

@test "nginx: refused at encrypt, wget and python" {
    server NGINX encrypt
    run --separate-stderr governed wget --no-proxy -t 1 --header "$HEADER" -O page "$URL/"
    [ "$status" -eq 4 ]
    [[ $stderr == *"Permission denied"* ]]
    run --separate-stderr governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/" page
    [ "$status" -eq 1 ]
    [[ $stderr == *"Permission denied"* ]]
    nothing_crossed
}

@test "nginx: in the clear at may" {
    server NGINX may
    governed curl -sS --fail -H "$HEADER" -o a "$URL/"
    governed wget -q --no-proxy --header "$HEADER" -O b "$URL/"
    governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/" c
    governed "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$URL/" d
    for page in a b c d; do is_the_page $page; done
    crossed_in_the_clear
}

@test "nginx: in the clear at may, three requests on one connection" {
    server NGINX may
    run governed curl -sS --fail -w '%{num_connects}\n' -H "$HEADER" -o 'page#1' "$URL/?[1-3]"
    [ "$status" -eq 0 ]
    [ "$output" = $'1\n0\n0' ]
    for page in 1 2 3; do is_the_page "page$page"; done
    crossed_in_the_clear
}

@test "nginx: in the clear at may, event loops" {
    server NGINX may
    governed node "$PROGRAMS/fetch.js" get "$URL/" a "$URL/" b
    governed node "$PROGRAMS/fetch.js" keep get "$URL/" c "$URL/" d
    javac -d java "$PROGRAMS"/*.java
    governed java -cp java FetchConnection get "$URL/" e "$URL/" f
    governed java -cp java FetchHttpClient get "$URL/" g "$URL/" h
    for page in a b c d e f g h; do is_the_page $page; done
    crossed_in_the_clear
}

@test "nginx: in the clear at may, fifty connections" {
    not_below "wrk takes EAGAIN for an error"
    server NGINX may
    run governed ab -q -k -c 50 -n 500 -H "$HEADER" "$URL/"
    [ "$status" -eq 0 ]
    [[ $output == *"Complete requests:      500"* ]]
    [[ $output == *"Failed requests:        0"* ]]
    BODY=$SERVERS/www/index.html run governed wrk -t 2 -c 50 -d 1s -s "$PROGRAMS/same_body.lua" -H "$HEADER" "$URL/"
    echo "$output"
    [[ ${lines[-1]} =~ ^same\ [1-9][0-9]*\ other\ 0\ connect\ 0\ read\ 0\ write\ 0\ timeout\ 0$ ]]
    crossed_in_the_clear
}

@test "nginx: in the clear at may, what poll says is true" {
    not_below "in the clear it is the kernel that says it"
    server NGINX may
    governed "$PYTHON" "$PROGRAMS/poll_once.py" "$NGINX_PORT" >answer
    grep -q 'served by a real server' answer
    crossed_in_the_clear
}

@test "nginx: fifty connections, all refused at verify" {
    server NGINX "verify ca=$SERVERS/ca.pem"
    run --separate-stderr governed ab -q -k -c 50 -n 500 -H "$HEADER" "$URL/"
    [ "$status" -ne 0 ]
    [[ $stderr == *"Permission denied"* ]]
    nothing_crossed
}

@test "python's http.server: refused at verify" {
    server HTTP_SERVER "verify ca=$SERVERS/ca.pem"
    run --separate-stderr governed curl -sS -H "$HEADER" "$URL/"
    [ "$status" -eq 56 ]
    [[ $stderr == *"Permission denied"* ]]
    [[ $stderr == *"tlsup: refused $URL: "*"501"* ]]
    nothing_crossed
}

@test "python's http.server: in the clear at may" {
    server HTTP_SERVER may
    governed curl -sS --fail -H "$HEADER" -o a "$URL/"
    governed wget -q --no-proxy --header "$HEADER" -O b "$URL/"
    governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/" c
    governed "$PYTHON" "$PROGRAMS/fetch_asyncio.py" get "$URL/" d
    for page in a b c d; do is_the_page $page; done
    crossed_in_the_clear
}
