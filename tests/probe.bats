# SPDX-License-Identifier: MIT
# tlsup probe: what it says of servers that we wrote and of servers that we did not. What it foretells is in
# probe_levels.bats.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load probe
load servers

setup_file() {
    export SERVERS=$BATS_FILE_TMPDIR PYTHON
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
}

# ---- in band, and TLS from the first byte ------------------------------------------------------------------------

@test "in band and implicit: everything that is known, as text" {
    start_origin
    probe_origin --ca "$ORIGIN_CA"
    [ "$status" -eq 0 ]
    grep -Eq '^upgrade: works \([0-9]+ ms\)$' <<<"$output"
    grep -Eq '^implicit: refused: the server does not speak TLS: it sent "HTTP/1.1 400 Bad Request" \([0-9]+ ms\)$' <<<"$output"
    grep -Eq '^implicit: works \([0-9]+ ms\)$' <<<"$output"
    says "dialled 127.0.0.1:$ORIGIN_PORT: connected"
    says "dialled 127.0.0.1:$ORIGIN_TLS_PORT: connected"
    says 'answer 101'
    says 'TLS TLSv1.3, TLS_AES_256_GCM_SHA384, x25519, ALPN http/1.1'
    says 'answer inside 200'
    says 'certificate CN=origin good'
    says 'names localhost, srv.test, *.wild.test, 127.0.0.1, ::1'
    says 'name fits yes, asked for localhost'
    grep -Eq '^  valid +20..-..-.. to 20..-..-.., expires in (29|30) days$' <<<"$output"
    says 'key EC P-256, signed with ecdsa-with-SHA256'
    says "pin pin=$(pin_of good)"
    says "trusted no, by the system's authorities: chain is not trusted: unable to get local issuer certificate"
    says "yes, by $ORIGIN_CA"
    says 'issued by CN=origin ca'
    says 'certificate the same as by upgrade'
    says 'may upgrade'
    says 'verify refused, EKEYREJECTED: chain is not trusted: unable to get local issuer certificate'
    says "localhost:$ORIGIN_PORT secure match=localhost ca=$ORIGIN_CA"
}

@test "in band and implicit: everything that is known, as JSON" {
    start_origin
    probe_origin --ca "$ORIGIN_CA" --json
    [ "$status" -eq 0 ]
    is '[.url, .host, .port, .level, .rule] | map(tostring) | join(" ")' \
        "http://localhost:$ORIGIN_PORT/ localhost $ORIGIN_PORT none null"
    is '[.strategies[] | .strategy, .result, .port, .status, .answer_inside, .name_fits] | map(tostring) | join(" ")' \
        "upgrade works $ORIGIN_PORT 101 200 true implicit refused $ORIGIN_PORT null null null implicit works $ORIGIN_TLS_PORT null 200 true"
    is "$(strategy upgrade) .tls | join(\" \")" 'TLSv1.3 TLS_AES_256_GCM_SHA384 x25519 http/1.1'
    is "$(strategy implicit) .chain[0].pin" "$(pin_of good)"
    is "$(strategy upgrade) .chain[0].names | join(\" \")" 'localhost srv.test *.wild.test 127.0.0.1 ::1'
    is "$(strategy upgrade) .chain[0].sha256" \
        "$(openssl x509 -in "$ORIGIN_DIR/good.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)"
    is "$(strategy upgrade) .chain[0].not_after" \
        "$(date -u -d "$(openssl x509 -in "$ORIGIN_DIR/good.pem" -noout -enddate | cut -d= -f2)" +%FT%TZ)"
    is "$(strategy upgrade) .trust | map(.trusted) | map(tostring) | join(\" \")" 'false true'
    is '.fits_best | .level, .lines[]' $'secure\n'"localhost:$ORIGIN_PORT  secure  match=localhost  ca=$ORIGIN_CA"
}

@test "the server gets what the shim sends, and nothing else" {
    start_origin
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA implicit-port=$ORIGIN_TLS_PORT" >"$TMP/policy.conf"
    probe -p "$TMP/policy.conf" "http://localhost:$ORIGIN_PORT/"
    [ "$status" -eq 0 ]
    stop_origin
    cp "$ORIGIN_DIR/clear.log" "$TMP/clear.log"
    [ "$(grep -o ' request .*' "$ORIGIN_DIR/events.log")" = " request OPTIONS * HTTP/1.1 tls=1 host=localhost:$ORIGIN_PORT" ]
    start_origin --port "$ORIGIN_PORT"
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA" >"$TMP/policy.conf"
    tlsup_run -p "$TMP/policy.conf" -- curl -sS --noproxy '*' -H 'X-Canary: 4711' "http://localhost:$ORIGIN_PORT/"
    assert_inside 4711
    assert_no_clear 4711
    cmp "$TMP/clear.log" "$ORIGIN_DIR/clear.log"
}

@test "tokens of the rule are asked for" {
    start_origin
    echo "localhost:$ORIGIN_PORT may tokens=TLS/1.3" >"$TMP/policy.conf"
    probe_origin -p "$TMP/policy.conf"
    assert_clear $'Upgrade: TLS/1.3\r'
}

@test "TLS on the port of the URL" {
    start_origin
    probe --json --ca "$ORIGIN_CA" "http://127.0.0.1:$ORIGIN_TLS_PORT"
    [ "$status" -eq 0 ]
    is "$(strategy upgrade) .result" refused
    is "$(strategy implicit) .result" works
    is '.fits_best.lines[]' "127.0.0.1:$ORIGIN_TLS_PORT  secure  try=implicit  ca=$ORIGIN_CA"
}

@test "TLS on another port than where it is looked for first" {
    start_origin --no-upgrade
    probe_origin --ca "$ORIGIN_CA" --json
    [ "$status" -eq 0 ]
    is "$(strategy upgrade) [.result, .status, .reason] | map(tostring) | join(\" \")" \
        'refused 200 the server answered 200 to the upgrade to TLS'
    is '.fits_best.lines[]' \
        "localhost:$ORIGIN_PORT  secure  try=implicit  implicit-port=$ORIGIN_TLS_PORT  match=localhost  ca=$ORIGIN_CA"
}

@test "no TLS: plain HTTP is what there is" {
    start_origin --no-upgrade
    probe --implicit-port 1 --json "http://localhost:$ORIGIN_PORT/"
    [ "$status" -eq 2 ]
    is "$(strategy implicit) [.result, .dials[0].errno] | join(\" \")" 'unreachable ECONNREFUSED'
    is '.fits_best | .level, .lines[]' $'may\n'"localhost:$ORIGIN_PORT  may"
    probe --implicit-port 1 "http://localhost:$ORIGIN_PORT/"
    says 'fits best, in plain HTTP as things are:'
}

# ---- who answers -------------------------------------------------------------------------------------------------

@test "certificates that verify nowhere: why, and the pin" {
    local cert fits why n=0
    while IFS='|' read -r cert fits why; do
        start_origin --cert "$cert"
        probe_origin --ca "$ORIGIN_CA" --json
        [ "$status" -eq 1 ]
        is "$(strategy upgrade) [.result, .name_fits] | map(tostring) | join(\" \")" "works $fits"
        [[ $(json "$(strategy implicit) .trust[1].reason") =~ ^($why)$ ]]
        is '.fits_best.lines[]' "localhost:$ORIGIN_PORT  fingerprint  pin=$(pin_of "$cert")"
        stop_origin
        n=$((n + 1))
    done <<'END'
other|false|null
cnonly|false|null
expired|true|certificate expired on .*
future|true|certificate is not valid before .*
untrusted|true|chain is not trusted: .*
selfsigned|true|chain is not trusted: self-signed certificate
clientauth|true|chain is not trusted: .*
END
    [ "$n" = 7 ]
}

@test "a certificate that has expired says since when" {
    start_origin --cert expired
    probe_origin --ca "$ORIGIN_CA"
    grep -Eq '^  valid .*, expired [01] days? ago$' <<<"$output"
    says "fits best, if this is the server's own key:"
}

@test "chains are told as they are sent" {
    start_origin --make-cert 'middle ca=yes eku=none' --make-cert 'deep san=dns:localhost issuer=middle' --cert deep
    probe_origin --ca "$ORIGIN_CA"
    [ "$status" -eq 0 ]
    says 'issued by CN=origin middle'
    says 'sent with it CN=origin middle'
    probe_origin --json
    is "$(strategy upgrade) .chain[].subject" $'CN=origin deep\nCN=origin middle'
}

@test "what a certificate says reaches the terminal as text" {
    start_origin --make-cert 'evil san=dns:a\x1b]0;x\x07.test,dns:b\x00.test' --cert evil
    probe_origin --ca "$ORIGIN_CA" # probe() looks at every byte
    says 'names a\x1b]0;x\x07.test, b\x00.test'
    probe_origin --json
    is "$(strategy upgrade) .chain[0].names[0]" 'a\x1b]0;x\x07.test'
}

@test "the same with what a server says in the clear" {
    printf '%s\n' 'send "\x1b]0;x\x07\r\n\r\n"' fin >"$TMP/script"
    start_origin --script "$TMP/script"
    probe --implicit-port "$ORIGIN_PORT" "http://localhost:$ORIGIN_PORT/"
    [ "$status" -eq 2 ]
    grep -Fq 'it sent "\x1b]0;x\x07"' <<<"$output"
}

@test "--servername is what is sent, and stands in the line" {
    start_origin
    probe_origin --ca "$ORIGIN_CA" --servername srv.test --json
    is '.fits_best.lines[]' "localhost:$ORIGIN_PORT  secure  match=localhost  ca=$ORIGIN_CA  servername=srv.test"
    [ "$(grep -c 'tls .*sni=srv.test' "$ORIGIN_DIR/events.log")" = 2 ]
    probe_origin
    [ "$(grep -c 'tls .*sni=localhost' "$ORIGIN_DIR/events.log")" = 2 ]
    probe --implicit-port "$ORIGIN_TLS_PORT" "http://127.0.0.1:$ORIGIN_PORT/"
    [ "$(grep -c 'tls .*sni=-* ' "$ORIGIN_DIR/events.log")" = 2 ]
}

# wants_ours: an origin that asks for a certificate of ours, both ways
wants_ours() {
    printf '%s\n' 'on plain:' expect-head 101 'tls require-cert' options-answer serve 'on tls:' 'tls require-cert' \
        serve >"$TMP/script"
    start_origin --script "$TMP/script"
    OURS="cert=$ORIGIN_DIR/clientauth.pem key=$ORIGIN_DIR/clientauth.key implicit-port=$ORIGIN_TLS_PORT"
}

@test "a server that asks for a certificate of ours, and there is none" {
    wants_ours
    probe_origin
    [ "$status" -eq 2 ]
    [ "$(grep -c '^[a-z]*: refused: TLS failed: the server sent alert certificate_required' <<<"$output")" = 2 ]
}

@test "ours is shown where a program would show it" {
    wants_ours
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA $OURS" >"$TMP/policy.conf"
    probe -p "$TMP/policy.conf" --json "http://localhost:$ORIGIN_PORT/"
    [ "$status" -eq 0 ]
    is '[.strategies[] | .result, .client_certificate] | map(tostring) | join(" ")' 'refused false works true'
    event 'conn 2 tls .* client-cert=/CN=origin clientauth'
    sed -i 's/$/ cert-on-upgrade=yes/' "$TMP/policy.conf"
    probe -p "$TMP/policy.conf" --json "http://localhost:$ORIGIN_PORT/"
    is '[.strategies[] | .result, .client_certificate] | map(tostring) | join(" ")' 'works true works true'
    event 'conn 3 tls .* client-cert=/CN=origin clientauth'
    is '.fits_best.level' secure
}

@test "ours is not shown to a stranger, who is looked at without it" {
    local rule
    wants_ours
    for rule in verify "verify ca=$ORIGIN_CA match=other.test" "fingerprint pin=$(pin_of other)" reject none; do
        printf '%s\n' "defaults - cert-on-upgrade=yes $OURS" "localhost:$ORIGIN_PORT $rule" >"$TMP/policy.conf"
        probe -p "$TMP/policy.conf" --json "http://localhost:$ORIGIN_PORT/"
        is '[.strategies[] | .result, .client_certificate, .chain[0].subject] | map(tostring) | join(" ")' \
            'refused false CN=origin good refused false CN=origin good'
    done
    run ! event 'client-cert=/CN'
}

# ---- servers that we did not write -----------------------------------------------------------------------------

configure_nginx_tls() {
    configure_nginx "$@"
    sed -i "s|listen .*;|listen 127.0.0.1:$2 ssl;ssl_certificate $SERVERS/nginx.tls/localhost.crt;\
        ssl_certificate_key $SERVERS/nginx.tls/localhost.key;|" "$1/nginx.conf"
}

@test "nginx: none in band, TLS on another port" {
    make_ca
    start_nginx nginx
    local plain=$SERVER_PORT
    make_cert localhost DNS:localhost,IP:127.0.0.1 "$SERVERS/nginx.tls"
    CONFIGURE=configure_nginx_tls serve "$SERVERS/nginx.tls" nginx -p "$SERVERS/nginx.tls" \
        -c "$SERVERS/nginx.tls/nginx.conf" -e "$SERVERS/nginx.tls/error.log"
    probe --ca "$SERVERS/ca.pem" --implicit-port "$SERVER_PORT" --json "http://localhost:$plain/"
    [ "$status" -eq 0 ]
    is "$(strategy upgrade) [.result, .reason] | join(\" \")" 'refused the server answered 400 to the upgrade to TLS'
    is "$(strategy implicit) [.result, .answer_inside, .chain_length] | map(tostring) | join(\" \")" 'works 400 2'
    is "$(strategy implicit) .chain[0].key" 'RSA 2048'
    is '.fits_best.level' secure
}

@test "python's server has none" {
    mkdir -p "$SERVERS/www"
    start_http_server http.server
    probe --json "http://localhost:$SERVER_PORT/"
    [ "$status" -eq 2 ]
    is "$(strategy upgrade) [.result, .status] | map(tostring) | join(\" \")" 'refused 501'
    is "$(strategy implicit) .result" refused
    [[ $(json "$(strategy implicit) .reason") == 'the server does not speak TLS: it sent "'* ]]
}

@test "cupsd has it in band and, on the same port, from the first byte on" {
    make_ca
    start_cupsd cupsd localhost
    probe --ca "$SERVERS/ca.pem" --json "http://localhost:$SERVER_PORT/"
    [ "$status" -eq 0 ]
    is '[.strategies[] | .strategy, .result, .answer_inside] | map(tostring) | join(" ")' \
        'upgrade works 200 implicit works 200'
    is '.fits_best.lines[]' "localhost:$SERVER_PORT  secure  match=localhost  ca=$SERVERS/ca.pem"
}

# ---- servers that say nothing, or are not there -----------------------------------------------------------------

@test "a silent server costs the timeout, once a strategy" {
    echo hang >"$TMP/script"
    start_origin --script "$TMP/script"
    local start=${EPOCHREALTIME/[.,]/}
    probe --timeout 0.4 --json "http://localhost:$ORIGIN_PORT/"
    [ $((${EPOCHREALTIME/[.,]/} - start)) -ge 800000 ]
    [ $((${EPOCHREALTIME/[.,]/} - start)) -lt 5000000 ]
    [ "$status" -eq 2 ]
    is '[.strategies[] | .result, .reason] | join(" ")' 'silent no answer in time silent no answer in time'
}

@test "a closed port" {
    probe --json http://127.0.0.1:1
    [ "$status" -eq 2 ]
    is '[.strategies[] | .result, .dials[0].errno] | join(" ")' 'unreachable ECONNREFUSED unreachable ECONNREFUSED'
    is '[.levels[0:2][].action, .fits_best.level] | map(tostring) | join(" ")' 'unreachable unreachable null'
    probe http://127.0.0.1:1
    says 'no line of a policy would make a connection'
}

@test "a name that is none" {
    probe http://nothing.invalid/
    [ "$status" -eq 2 ]
    grep -q '^upgrade: unreachable: nothing.invalid cannot be resolved: ' <<<"$output"
}

@test "addresses are tried one after the other, of either family" {
    cat >"$TMP/many.c" <<'C'
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    static const char *const addresses[] = {"127.0.0.1", "::1", "127.0.0.9"};
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(name, "many.test") != 0)
        return real(name, service, hints, out);
    *out = 0;
    for (int i = 0; i < 3; i++) {
        struct addrinfo *one;
        if (real(addresses[i], service, hints, &one) != 0)
            return EAI_FAIL;
        one->ai_next = *out;
        *out = one;
    }
    return 0;
}
C
    ${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o "$TMP/many.so" "$TMP/many.c" -ldl
    start_origin
    export ASAN_OPTIONS=verify_asan_link_order=0
    LD_PRELOAD=$TMP/many.so probe --json "http://many.test:$ORIGIN_PORT/"
    is '.addresses | join(" ")' '127.0.0.9 ::1 127.0.0.1'
    is "$(strategy upgrade) .dials[0,2] | [.address, .errno] | join(\" \")" $'127.0.0.9 ECONNREFUSED\n127.0.0.1 '
    [ "$(json "$(strategy upgrade) .dials[1].address")" = ::1 ]
    is "$(strategy upgrade) [.result, .name_fits] | map(tostring) | join(\" \")" 'works false'
    [ "$status" -eq 1 ]
}

# ---- through a proxy --------------------------------------------------------------------------------------------

# proxy STEP...: an origin whose plain port answers CONNECT so; its TLS port is what is behind
proxy() {
    printf '%s\n' 'on plain:' expect-head "$@" 'on tls:' tls serve >"$TMP/script"
    start_origin --script "$TMP/script"
}

@test "connect: CONNECT, and TLS with the origin" {
    proxy 'send "HTTP/1.1 200 Connection established\r\n\r\n"' 'relay tls'
    probe --proxy "127.0.0.1:$ORIGIN_PORT" --ca "$ORIGIN_CA" --json http://srv.test/
    [ "$status" -eq 0 ]
    is '[.strategies[] | .strategy, .result, .status, .answer_inside, .name_fits] | map(tostring) | join(" ")' \
        'connect works 200 200 true'
    is '.fits_best.lines | join("; ")' \
        "srv.test  secure  ca=$ORIGIN_CA; 127.0.0.1:$ORIGIN_PORT  verify  proxy=yes  try=connect"
    assert_clear $'CONNECT srv.test:443 HTTP/1.1\r\nHost: srv.test:443\r\n\r'
    grep -q 'tls .*sni=srv.test' "$ORIGIN_DIR/events.log"
    is '.levels[] | select(.action == "tls") | .strategy' $'connect\nconnect'
}

@test "connect: what a proxy refuses" {
    proxy 'send "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"' fin
    probe --proxy "127.0.0.1:$ORIGIN_PORT" http://srv.test:8080/
    [ "$status" -eq 2 ]
    grep -q '^connect: refused: the proxy answered 407 to CONNECT srv.test:8080 (it wants a password) ' <<<"$output"
    stop_origin
    proxy 'send "HTTP/1.1 200 OK\r\n\r\nmore"' fin
    probe --proxy "127.0.0.1:$ORIGIN_PORT" http://srv.test/
    grep -q '^connect: tampered: bytes came right behind the answer to CONNECT ' <<<"$output"
    stop_origin
    proxy fin
    probe --proxy "127.0.0.1:$ORIGIN_PORT" http://srv.test/
    grep -q '^connect: refused: the proxy closed the connection instead of an answer to CONNECT ' <<<"$output"
}

# ---- the command ------------------------------------------------------------------------------------------------

@test "a wrong command line is 125, and nothing is dialled" {
    local wrong url
    start_origin
    url=http://localhost:$ORIGIN_PORT
    for wrong in '' --json "$url $url" "--timeout 0 $url" "--timeout x $url" "--implicit-port 0 $url" \
        "--implicit-port 65536 $url" "--servername .a $url" "--proxy a:b $url" "--nonsense $url" "--ca /nowhere $url" \
        "https://localhost:$ORIGIN_PORT"; do
        # shellcheck disable=SC2086 # words
        run "$BUILD/tlsup" probe $wrong
        [ "$status" -eq 125 ] || { echo "$wrong: $status: $output" >&2; return 1; }
        [[ $output == 'tlsup probe: '*'; see tlsup probe --help' ]]
    done
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}

@test "a policy that is not usable, an engine that is not there" {
    echo '* verfy' >"$TMP/policy.conf"
    run "$BUILD/tlsup" probe -p "$TMP/policy.conf" http://localhost:1
    [ "$status" -eq 125 ]
    [ "${lines[-1]}" = 'tlsup probe: the policy is not usable' ]
    mkdir "$TMP/alone"
    cp "$BUILD/tlsup" "$TMP/alone/"
    run "$TMP/alone/tlsup" probe http://localhost:1
    [ "$status" -eq 125 ]
    [ "$output" = "tlsup probe: engine: $TMP/alone/libtlsup-tls.so cannot be opened" ]
}

@test "every member of the JSON is in the manual" {
    start_origin
    probe_origin --json --ca "$ORIGIN_CA"
    local name names
    names=$(json '[paths | map(strings)[]] | unique[]')
    [ "$(wc -l <<<"$names")" -gt 30 ]
    for name in $names; do
        grep -Eq "^\.((It|Pq) )?Cm .*\<$name\>" "$ROOT/shim/cli/tlsup.1" || {
            echo "$name is not in tlsup(1)" >&2
            return 1
        }
    done
}
