# SPDX-License-Identifier: MIT
# The servers of the web: TLS on the port beside, HTTP/2, WebSocket. What crossed is read from a forwarder in front of the
# plain port, which keeps every byte.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2153 # variables of lib.bash and servers.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load servers
load webservers

export BATS_TEST_TIMEOUT=60
PROGRAMS=$BATS_TEST_DIRNAME/clients

setup_file() {
    export SERVERS=$BATS_FILE_TMPDIR PYTHON
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
    make_ca
    pattern 300000 >"$SERVERS/www/large"
    chmod -R go+rX "$SERVERS"
    local up=$SERVERS # apache2 does not serve as root
    while [[ $up == "$BATS_RUN_TMPDIR"* ]]; do
        chmod go+x "$up"
        up=${up%/*}
    done
    start_echo
    ECHO_PORT=$SERVER_PORT
    start_nginx_pair && tapped nginx
    start_apache2 && tapped apache2
    start_lighttpd && tapped lighttpd
    start_node && tapped node
    NODE_UPGRADE=yes start_node && tapped listener
    TLS_PORT=0
    start_http_server http.server && tapped python
    start_busybox_httpd && tapped busybox
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY
}

# tapped NAME: NAME_PORT is a tap of the server that was started last, NAME_TLS its port of TLS
tapped() {
    tap "$SERVERS/tap.$1" "$SERVER_PORT"
    export "$1_PORT=$TAP_PORT" "$1_TLS=$TLS_PORT"
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

# server NAME [OPTION...]: URL, and a policy that says verify; $WIRE keeps what crosses on its plain port
server() {
    local port=$1_PORT tls=$1_TLS
    PORT=${!port} TLS=${!tls}
    URL=http://localhost:$PORT WIRE=$SERVERS/tap.$1/wire.log
    WIRE_START=$(stat -c %s "$WIRE")
    printf '%s\n' "defaults - audit=$TMP/audit.log" \
        "localhost:$PORT verify ca=$SERVERS/ca.pem ${*:2}$([[ $TLS == 0 ]] || echo " implicit-port=$TLS")" >policy.conf
}

governed() {
    tlsup_run -p "$TMP/policy.conf" -- "$@"
}

# nothing of a request: neither the canary nor a request line
nothing_clear() {
    tail -c +$((WIRE_START + 1)) "$WIRE" >crossed
    run ! grep -aEq -- "$CANARY|GET /|POST /" crossed
}

upgraded() {
    nothing_clear
    [ "$(jq -r 'select(.event == "decision") | "\(.action) \(.strategy)"' audit.log | sort -u)" = 'upgraded implicit' ]
}

is_the_page() {
    cmp "$1" "$SERVERS/www/index.html"
}

# fetch_all: the main clients, each gets the page or the large file
fetch_all() {
    governed curl -sS --fail -H "$HEADER" -o page "$URL/" -o large "$URL/large"
    is_the_page page
    cmp large "$SERVERS/www/large"
    rm page large
    governed wget -q --header "$HEADER" -O page "$URL/"
    is_the_page page
    governed busybox wget -q --header "$HEADER" -O large "$URL/large"
    cmp large "$SERVERS/www/large"
    governed "$PYTHON" "$PROGRAMS/fetch_urllib.py" get "$URL/large" large
    cmp large "$SERVERS/www/large"
    governed lynx -source "$URL/" >page
    is_the_page page
    governed node "$PROGRAMS/fetch.js" get "$URL/large" large
    cmp large "$SERVERS/www/large"
    governed ab -q -n 40 -c 4 -k -H "$HEADER" "$URL/" >ab.out
    grep -q '^Failed requests: *0$' ab.out
    grep -q '^Complete requests: *40$' ab.out
}

@test "nginx" {
    server nginx
    fetch_all
    upgraded
}

@test "nginx, TLS first" {
    server nginx try=implicit
    fetch_all
    upgraded
    [ ! -s crossed ]
}

@test "apache2" {
    server apache2
    fetch_all
    upgraded
}

@test "apache2, TLS first" {
    server apache2 try=implicit
    fetch_all
    upgraded
}

@test "lighttpd" {
    server lighttpd
    fetch_all
    upgraded
}

@test "node, with and without a listener for upgrades" {
    server node
    fetch_all
    upgraded
    rm audit.log
    server listener
    fetch_all
    upgraded
}

@test "java: HttpURLConnection" {
    server apache2
    javac -d classes "$PROGRAMS/FetchConnection.java"
    governed java -cp classes FetchConnection get "$URL/large" large
    cmp large "$SERVERS/www/large"
    upgraded
}

@test "git over plain http" {
    git init -q --bare "$SERVERS/www/repo.git"
    git init -q work
    git -C work -c user.name=a -c user.email=a@b.test commit -q --allow-empty -m message
    git -C work push -q "$SERVERS/www/repo.git" HEAD:refs/heads/main
    git -C "$SERVERS/www/repo.git" update-server-info
    git -C "$SERVERS/www/repo.git" symbolic-ref HEAD refs/heads/main
    chmod -R go+rX "$SERVERS/www"
    server apache2
    governed git -c http.extraHeader="$HEADER" clone -q "$URL/repo.git" copy
    [ "$(git -C copy log --format=%s)" = message ]
    upgraded
}

@test "apt with a signed repository" {
    repository "$SERVERS/www/apt"
    server apache2
    local options
    apt_options "$TMP/apt" "$URL/apt" "$SERVERS/www/apt/key.gpg"
    options+=(-o Acquire::http::Proxy=DIRECT)
    governed apt-get "${options[@]}" update
    governed apt-get "${options[@]}" download tlsup-test
    cmp tlsup-test_1_all.deb "$SERVERS/www/apt/tlsup-test_1_all.deb"
    upgraded
}

# A server without any TLS is refused, at once, and gets nothing
@test "python's http.server and busybox httpd have no TLS" {
    local name
    for name in python busybox; do
        server "$name"
        run governed curl -sS -H "$HEADER" "$URL/"
        [ "$status" -ne 0 ]
        [[ $output == *'refused http://localhost:'*'upgrade: '*'; implicit: '* ]]
        nothing_clear
        printf '%s\n' "localhost:$PORT may audit=$TMP/audit.log" >policy.conf
        governed curl -sS -H "$HEADER" -o page "$URL/"
        is_the_page page
    done
}

# ---- HTTP/2 ------------------------------------------------------------------------------------------------------

# Its requests are not read: the name is the resolver's, or the rule's (curl knows localhost without asking).
@test "HTTP/2 with prior knowledge is lifted to HTTP/2 over TLS: curl and nghttp" {
    server nginx match=localhost
    run -0 governed curl -sS --http2-prior-knowledge -H "$HEADER" -o page -w '%{http_version}\n' "$URL/"
    [ "$output" = 2 ]
    is_the_page page
    governed nghttp -H "$HEADER" "$URL/large" >large
    cmp large "$SERVERS/www/large"
    upgraded
    [ ! -s crossed ]
}

@test "HTTP/2: the name is checked all the same, and a server without it is refused" {
    server nginx
    printf '%s\n' "other.example:$PORT verify ca=$SERVERS/ca.pem implicit-port=$TLS audit=$TMP/audit.log" >policy.conf
    run governed curl -sS --http2-prior-knowledge -H "$HEADER" --resolve "other.example:$PORT:127.0.0.1" "http://other.example:$PORT/"
    [ "$status" -ne 0 ]
    server apache2 try=implicit match=localhost
    run governed curl -sS --http2-prior-knowledge -H "$HEADER" "$URL/"
    [ "$status" -ne 0 ]
    # apache2 without its module answers with another protocol than the one that was offered
    [[ $output == *'does not speak HTTP/2 over TLS'* || $output == *'TLS handshake failed: bad extension'* ]]
    nothing_clear
    server nginx try=upgrade
    run governed curl -sS --http2-prior-knowledge -H "$HEADER" "$URL/"
    [ "$status" -ne 0 ]
    [[ $output == *'HTTP/2, which only try=implicit carries'* ]]
    nothing_clear
    [ ! -s crossed ]
}

# ---- WebSocket -----------------------------------------------------------------------------------------------------

@test "WebSocket: the handshake and its frames pass untouched" {
    server nginx
    run -0 governed /usr/bin/python3 -c 'import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], extra_headers={"X-Canary": sys.argv[2]}) as ws:
        for n in (1, 125, 126, 65535, 65536, 300000):
            await ws.send(b"x" * n)
            assert await ws.recv() == b"x" * n
        await ws.send("canary " + sys.argv[2])
        print(await ws.recv())
asyncio.run(main())' "ws://localhost:$PORT/echo" "$CANARY"
    [ "$output" = "canary $CANARY" ]
    upgraded
}
