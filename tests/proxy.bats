# SPDX-License-Identifier: MIT
# Through HTTP proxies: squid and tinyproxy, with programs that know http_proxy=, in front of servers that speak TLS.
# What crossed on the way to the proxy is read from a forwarder in between, which keeps every byte.
# shellcheck disable=SC2153,SC2154,SC2030,SC2031 # variables of lib.bash and servers.bash; tests are subshells

bats_require_minimum_version 1.5.0
load lib
load servers
load proxies

export BATS_TEST_TIMEOUT=60

setup_file() {
    export SERVERS PYTHON
    SERVERS=$(mktemp -d "${TMPDIR:-/tmp}/tlsup-proxy.XXXXXX") # squid is another user, whom bats' directories are closed to
    chmod a+rx "$SERVERS"
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
    make_ca
    make_cert localhost DNS:localhost,IP:127.0.0.1 "$SERVERS/tls"
    git_repository >/dev/null
    start_nginx_tls nginx
    export ONE=localhost:$SERVER_PORT ONE_PORT=$SERVER_PORT
    start_nginx_tls nginx2
    export TWO=localhost:$SERVER_PORT TWO_PORT=$SERVER_PORT
    start_squid squid
    tapped SQUID
    start_tinyproxy tinyproxy
    tapped TINYPROXY
    printf 'user:%s\n' "$(openssl passwd -apr1 secret)" >"$SERVERS/passwords"
    start_squid squid-auth "auth_param basic program /usr/lib/squid/basic_ncsa_auth $SERVERS/passwords" \
        'auth_param basic children 1 startup=1' 'acl known proxy_auth REQUIRED' 'http_access allow known' 'http_access deny all'
    tapped SQUID_AUTH
    start_tinyproxy tinyproxy-auth 'BasicAuth user secret'
    tapped TINYPROXY_AUTH
    unset http_proxy all_proxy HTTP_PROXY ALL_PROXY no_proxy NO_PROXY
}

# tapped NAME: NAME_PORT is a tap of the proxy that was started last
tapped() {
    tap "$SERVERS/tap.$1" "$SERVER_PORT" 1
    export "$1_PORT=$TAP_PORT"
}

git_repository() {
    git init -q -b main "$SERVERS/work"
    git -C "$SERVERS/work" -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m 'through a proxy'
    git clone -q --bare "$SERVERS/work" "$SERVERS/www/repo.git"
    git -C "$SERVERS/www/repo.git" update-server-info
}

teardown_file() {
    stop_all
    rm -rf "$SERVERS"
}

setup() {
    free_temp_dir
    cd "$TMP" || return
    export CANARY=canary-$BATS_TEST_NUMBER-$RANDOM$RANDOM
    HEADER="X-Canary: $CANARY"
    URL="http://$ONE/a?$CANARY"
}

teardown() {
    cd / || return
}

# proxy NAME [LEVEL]: what governed programs of this test go through, and what crosses in WIRE
proxy() {
    local port=$1_PORT name=${1,,}
    PROXY=http://localhost:${!port} WIRE=$SERVERS/tap.$1/wire.log LOG=$SERVERS/${name//_/-}/access.log
    ORIGIN_LOG=$SERVERS/nginx/access.log
    WIRE_START=$(stat -c %s "$WIRE") LOG_START=$(stat -c %s "$LOG") ORIGIN_START=$(stat -c %s "$ORIGIN_LOG")
    printf '%s\n' "defaults - timeout=10 audit=$TMP/audit.log" "localhost:${!port} ${2:-verify} proxy=yes" \
        "localhost:$ONE_PORT,$TWO_PORT verify ca=$SERVERS/ca.pem" '*:80 verify' >policy.conf
}

governed() {
    http_proxy=$PROXY HTTP_PROXY=$PROXY tlsup_run -p "$TMP/policy.conf" -- "$@"
}

# since FILE OFFSET: what this test added
since() {
    tail -c +$(($2 + 1)) "$1"
}

decisions() {
    jq -r 'select(.event == "decision") | [.strategy, .action, .result_type] | map(. // "-") | join(" ")' audit.log
}

# crossings TEXT: how often it crossed in the clear
crossings() {
    grep -aoF -- "$1" crossed | wc -l
}

nothing_leaked() {
    since "$WIRE" "$WIRE_START" >crossed
    ! grep -aFq -- "$CANARY" crossed || return
    ! grep -aEq '(GET|POST|HEAD|PUT) ' crossed
}

# tunnelled [N]: N connections, each a tunnel to the origin, and nothing of the requests outside of it. The proxy's log
# knows of tunnels only, and the origin saw nothing that was meant for the proxy.
tunnelled() {
    nothing_leaked
    [ "$(crossings "CONNECT $ONE HTTP/1.1")" -eq "${1:-1}" ]
    [ "$(decisions | sort -u)" = 'connect upgraded success' ]
    wait_for 5 logged "CONNECT $ONE"
    ! logged '(GET|POST|HEAD|PUT) ' || return
    since "$ORIGIN_LOG" "$ORIGIN_START" >origin.log
    grep -q 'HTTP/1.[01] proxy:--$' origin.log
    ! grep -v 'HTTP/1.[01] proxy:--$' origin.log
}

logged() {
    since "$LOG" "$LOG_START" | grep -Eq "$1"
}

is_the_page() {
    cmp "$1" "$SERVERS/www/index.html"
}

# ---- programs ----

# through PROXY COMMAND...
through() {
    proxy "$1"
    "${@:2}"
    is_the_page page
    tunnelled
}

use_curl() { governed curl -sS --fail -H "$HEADER" -o page "$URL"; }
use_wget() { governed wget -q --header "$HEADER" -O page "$URL"; }
use_urllib() {
    governed python3 -c 'import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())' "$URL" >page
}
use_busybox() { governed busybox wget -q -O page "$URL"; }
use_apt() { # its method runs as somebody else unless told otherwise
    governed /usr/lib/apt/apt-helper -q -o APT::Sandbox::User=root -o "Acquire::http::Proxy=$PROXY" \
        download-file "$URL" page >/dev/null
}

@test "curl through squid" { through SQUID use_curl; }
@test "curl through tinyproxy" { through TINYPROXY use_curl; }
@test "wget through squid" { through SQUID use_wget; }
@test "wget through tinyproxy" { through TINYPROXY use_wget; }
@test "python's urllib through squid" { through SQUID use_urllib; }
@test "python's urllib through tinyproxy" { through TINYPROXY use_urllib; }
@test "busybox wget through squid" { through SQUID use_busybox; }
@test "busybox wget through tinyproxy" { through TINYPROXY use_busybox; }
@test "apt through squid" { through SQUID use_apt; }
@test "apt through tinyproxy" { through TINYPROXY use_apt; }

clone() {
    proxy "$1"
    governed git -c "http.extraHeader=$HEADER" clone -q "http://$ONE/repo.git" clone
    [ "$(git -C clone log --format=%s)" = 'through a proxy' ]
    nothing_leaked
    wait_for 5 logged "CONNECT $ONE"
    ! logged 'GET ' || return
}
use_tunnel() { governed curl -sS --fail -p -x "$PROXY" -H "$HEADER" -o page "$URL"; }
@test "curl that asks for a tunnel itself, through squid" { through SQUID use_tunnel; }
@test "curl that asks for a tunnel itself, through tinyproxy" { through TINYPROXY use_tunnel; }
use_lynx() { governed lynx -source "$URL" >page; }
# node and java are told of a proxy by their programs
use_node() {
    governed node -e 'const [proxy, url] = process.argv.slice(1), p = new URL(proxy);
require("http").get({host: p.hostname, port: p.port, path: url, headers: {Host: new URL(url).host, "X-Canary": process.env.CANARY}},
    (r) => r.pipe(process.stdout));' "$PROXY" "$URL" >page
}
use_java() {
    cat >Get.java <<'JAVA'
public class Get {
    public static void main(String[] args) throws Exception {
        var connection = new java.net.URL(args[0]).openConnection();
        connection.setRequestProperty("X-Canary", System.getenv("CANARY"));
        connection.getInputStream().transferTo(System.out);
    }
}
JAVA
    governed java -Dhttp.proxyHost=localhost "-Dhttp.proxyPort=${PROXY##*:}" -Dhttp.nonProxyHosts= Get.java "$URL" >page
}
@test "lynx through squid" { through SQUID use_lynx; }
@test "lynx through tinyproxy" { through TINYPROXY use_lynx; }
@test "node through squid" { through SQUID use_node; }
@test "node through tinyproxy" { through TINYPROXY use_node; }
@test "java through squid" { through SQUID use_java; }
@test "java through tinyproxy" { through TINYPROXY use_java; }

bench() {
    proxy "$1"
    governed ab -q -n 12 -c 3 -X "${PROXY#http://}" -H "$HEADER" "$URL" >ab.out
    grep -q '^Failed requests: *0$' ab.out
    grep -q '^Complete requests: *12$' ab.out
    [ "$(decisions | sort | uniq -c | xargs)" = '12 connect upgraded success' ]
    nothing_leaked
}
@test "ab through squid" { bench SQUID; }
@test "ab through tinyproxy" { bench TINYPROXY; }

update() {
    proxy "$1"
    local options
    [[ -e $SERVERS/www/apt ]] || repository "$SERVERS/www/apt"
    apt_options "$TMP/apt" "http://$ONE/apt" "$SERVERS/www/apt/key.gpg"
    options+=(-o "Acquire::http::Proxy=$PROXY")
    governed apt-get "${options[@]}" update
    governed apt-get "${options[@]}" download tlsup-test
    cmp tlsup-test_1_all.deb "$SERVERS/www/apt/tlsup-test_1_all.deb"
    nothing_leaked
    [ "$(decisions | sort -u)" = 'connect upgraded success' ]
}
@test "apt from a signed repository, through squid" { update SQUID; }
@test "apt from a signed repository, through tinyproxy" { update TINYPROXY; }

@test "git, dumb HTTP, through squid" { clone SQUID; }
@test "git, dumb HTTP, through tinyproxy" { clone TINYPROXY; }

# ---- connections ----

@test "three requests on one connection to the proxy" {
    proxy SQUID
    run governed curl -sS --fail -w '%{num_connects}\n' -H "$HEADER" -o 'page#1' "http://$ONE/[1-3]"
    [ "$output" = $'1\n0\n0' ]
    for page in 1 2 3; do is_the_page "page$page"; done
    tunnelled
}

@test "a connection that turns to another port ends before a byte of that request, and the program dials again" {
    proxy SQUID
    governed curl -sS --fail -H "$HEADER" -o 'page#1' "http://{$ONE,$TWO,$ONE}/"
    for page in "$ONE" "$TWO"; do is_the_page "page$page"; done
    nothing_leaked
    [ "$(grep -aoE 'CONNECT localhost:[0-9]+ ' crossed | xargs)" = "CONNECT $ONE CONNECT $TWO CONNECT $ONE" ]
    [ "$(jq -r 'select(.event == "close") | .closed' audit.log | sort | uniq -c | xargs)" = '2 authority-changed 1 local' ]
}

@test "a connection that turns to another name does so as well" {
    proxy TINYPROXY
    printf '127.0.0.1:%s verify ca=%s\n' "$ONE_PORT" "$SERVERS/ca.pem" >>policy.conf
    governed curl -sS --fail -H "$HEADER" -o 'page#1' "http://{$ONE,127.0.0.1:$ONE_PORT}/"
    for page in "$ONE" "127.0.0.1:$ONE_PORT"; do is_the_page "page$page"; done
    nothing_leaked
    [ "$(crossings "CONNECT 127.0.0.1:$ONE_PORT ")" -eq 1 ]
}

# ---- 407 ----

CREDENTIALS=$(printf user:secret | base64)

# credentials crossed with CONNECT, and the origin did not see them
authenticated() {
    tunnelled "$1"
    [ "$(crossings "Proxy-Authorization: Basic $CREDENTIALS")" -eq 1 ]
}

@test "credentials go to squid alone: curl" {
    proxy SQUID_AUTH
    governed curl -sS --fail -U user:secret -H "$HEADER" -o page "$URL"
    is_the_page page
    authenticated 1
}

@test "credentials go to tinyproxy alone: wget" {
    proxy TINYPROXY_AUTH
    governed wget -q --proxy-user=user --proxy-password=secret --header "$HEADER" -O page "$URL"
    is_the_page page
    authenticated 1
}

@test "407 reaches the program, which asks again with credentials: curl, squid" {
    proxy SQUID_AUTH
    run governed curl -sS --proxy-anyauth -U user:secret -w '%{http_code} %{num_connects}\n' -H "$HEADER" -o page "$URL"
    [ "${lines[-1]}" = '200 1' ]
    is_the_page page
    [ "$(decisions)" = $'connect blocked tlsup-proxy-refused\nconnect upgraded success' ]
    sed -i 1d audit.log
    authenticated 2
}

@test "407 reaches the program, which asks again with credentials: curl, tinyproxy, a body" {
    proxy TINYPROXY_AUTH
    head -c 100000 /dev/zero >body
    governed curl -sS --fail --proxy-anyauth -U user:secret -H "$HEADER" -H Expect: --data-binary @body -o page "$URL"
    is_the_page page
    sed -i 1d audit.log
    authenticated 2
}

@test "407 without credentials is what the program gets: wget, curl, HEAD" {
    proxy SQUID_AUTH
    run -8 governed wget -O page --header "$HEADER" "$URL"
    [[ $output == *'407 Proxy Authentication Required'* ]]
    run -0 governed curl -sS -I -H "$HEADER" "$URL" --next -sS -H "$HEADER" -o page -w '%{http_code} %{size_download}' "$URL"
    [[ $output == *'HTTP/1.1 407 Proxy Authentication Required'* ]]
    [ "${lines[-1]}" = "407 $(stat -c %s page)" ]
    [ -s page ]
    nothing_leaked
    [ "$(decisions | sort -u)" = 'connect blocked tlsup-proxy-refused' ]
}

@test "407 wakes a program that waits in epoll: asyncio" {
    proxy SQUID_AUTH
    governed python3 - "$PROXY" "$URL" "$HEADER" "$CREDENTIALS" >page <<'PY'
import asyncio, sys
proxy, url, header, credentials = sys.argv[1:]
async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = [int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")][0]
    return head.split()[1], await reader.readexactly(length)
async def main():
    reader, writer = await asyncio.open_connection("localhost", int(proxy.rsplit(":", 1)[1]))
    for more in "", f"Proxy-Authorization: Basic {credentials}\r\n":
        host = url.split("/")[2]
        writer.write(f"GET {url} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n{more}\r\n".encode())
        status, body = await asyncio.wait_for(answer(reader), 10)
        print(status.decode(), file=sys.stderr)
    sys.stdout.buffer.write(body)
    writer.close()
asyncio.run(main())
PY
    is_the_page page
    sed -i 1d audit.log
    authenticated 2
}
