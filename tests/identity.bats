# SPDX-License-Identifier: MIT
# Who answered (RFC 9525, RFC 5280): certificates of every kind on nginx, judged by us, by openssl and by curl, and every
# difference has its reason in identity/rows.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash; tests are subshells
bats_require_minimum_version 1.5.0
load lib
load servers
load identity/certificates

setup_file() {
    export BATS_TEST_TIMEOUT=240
    export DIR=$BATS_FILE_TMPDIR/certificates CANARY=canary-$RANDOM-$RANDOM
    mkdir -p "$DIR"
    make_authorities
    rows >"$DIR/rows"
    while IFS='|' read -r row recipe _; do
        # shellcheck disable=SC2086 # words
        make_row "$row" $recipe
    done <"$DIR/rows"
    start_server
}

teardown_file() {
    stop_all
}

# rows: without comments, and without blanks around the bars
rows() {
    grep -v -e '^#' -e '^$' "$BATS_TEST_DIRNAME/identity/rows" | sed 's/ *| */|/g; s/ *$//'
}

# free_ports N: as many numbers that nobody has, of either family, from below those that the kernel gives to connections: between
# this and the server's own bind() many of those are made by others.
free_ports() {
    python3 -c 'import random, socket, sys
def is_free(port):
    try:
        for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
            socket.create_server((address, port), family=family).close()
        return True
    except OSError:
        return False
first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
free = filter(is_free, random.sample(range(first // 2, first), first // 4))
for _ in range(int(sys.argv[1])): print(next(free))' "$1"
}

start_server() {
    local row port user=''
    ((EUID)) || user='user root;'
    free_ports "$(wc -l <"$DIR/rows")" | paste -d ' ' <(cut -d '|' -f 1 "$DIR/rows") - >"$DIR/ports"
    {
        printf '%s\n' "$user" 'daemon off;' "pid $DIR/pid;" "error_log $DIR/error.log;" 'events { }' 'http {' \
            "log_format row '\$server_port \$http_x_canary';" "access_log $DIR/access.log row;" \
            "client_body_temp_path $DIR/body; proxy_temp_path $DIR/p; fastcgi_temp_path $DIR/f;" \
            "uwsgi_temp_path $DIR/u; scgi_temp_path $DIR/s;"
        while read -r row port; do
            printf 'server { listen 127.0.0.1:%s ssl; listen [::1]:%s ssl; return 200 "%s\\n";' "$port" "$port" "$row"
            printf ' ssl_certificate %s; ssl_certificate_key %s; }\n' "$DIR/$row.pem" "$DIR/$row.key"
        done <"$DIR/ports"
        echo '}'
    } >"$DIR/nginx.conf"
    # keys and digests that nobody should use any more are to be shown, too
    printf '%s\n' 'openssl_conf=x' '[x]' 'ssl_conf=y' '[y]' 'system_default=z' '[z]' 'CipherString=DEFAULT@SECLEVEL=0' \
        >"$DIR/openssl.cnf"
    OPENSSL_CONF=$DIR/openssl.cnf nginx -c "$DIR/nginx.conf" 2>"$DIR/stderr" 3>&- &
    PIDS+=($!)
    wait_for 10 listens "$(sed -n '$s/.* //p' "$DIR/ports")" || { cat "$DIR/stderr" "$DIR/error.log" >&2; return 1; }
}

# us ASKED PORT: ok, name, expired, untrusted, refused, or what else became of it
us() {
    local status=0
    : >"$TMP/audit"
    local under=(tlsup_run -p "$TMP/policy" --)
    fetch -H "X-Canary: $CANARY" "http://$1:$2/" >"$TMP/out" \
        2>"$TMP/err" || status=$?
    case $status:$(jq -r 'select(.event == "decision") | "\(.action) \(.result_type)"' "$TMP/audit") in
        '0:upgraded success') echo ok ;;
        *:'blocked certificate-host-mismatch') echo name ;;
        *:'blocked certificate-expired') echo expired ;;
        *:'blocked certificate-not-trusted') echo untrusted ;;
        *:'blocked validation-failure') echo refused ;;
        *) echo "$status $(<"$TMP/audit") $(<"$TMP/err")" ;;
    esac
}

ok_or_no() {
    if "$@" >"$TMP/said" 2>&1 </dev/null; then echo ok; else echo no; fi
}

openssl_says() { # ASKED PORT
    local host=${1//[\[\]]/} check=(-verify_hostname "$1" -servername "$1") to=127.0.0.1
    [[ $1 != \[* ]] || to='[::1]'
    [[ $host =~ ^[0-9.]+$|: ]] && check=(-verify_ip "$host")
    ok_or_no timeout 20 openssl s_client -connect "$to:$2" "${check[@]}" -CAfile "$DIR/root.crt" -no-CApath -no-CAstore \
        -verify_return_error
}

curl_says() { # ASKED PORT
    ok_or_no fetch --cacert "$DIR/root.crt" --capath /nowhere "https://$1:$2/"
}

# fetch OPTION... URL: whatever its name is, it is here; `under` what the caller says
fetch() {
    local resolve=() host=${*: -1}
    host=${host#*//} host=${host%/}
    [[ $host == \[* ]] || resolve=(--resolve "${host,,}:127.0.0.1")
    "${under[@]}" curl -sS --max-time 20 "${resolve[@]}" "$@"
}

@test "each certificate is judged as its row says, and the others judge alike or there is a reason" {
    TMP=$BATS_TEST_TMPDIR
    umask 077
    printf '%s\n' "defaults - audit=$TMP/audit messages=none timeout=20" \
        "*:$(cut -d ' ' -f 2 "$DIR/ports" | paste -s -d ,) verify try=implicit ca=$DIR/root.crt" >"$TMP/policy"
    bad=0
    while IFS='|' read -r row _ asked wanted by_openssl by_curl why; do
        port=$(sed -n "s/^$row //p" "$DIR/ports")
        got="$(us "$asked" "$port")|$(openssl_says "$asked" "$port")|$(curl_says "$asked" "$port")"
        if [[ $got != "$wanted|$by_openssl|$by_curl" ]]; then
            echo "$row: $got, not $wanted|$by_openssl|$by_curl" >&2
            bad=$((bad + 1))
        fi
        short=$wanted
        [[ $wanted == ok ]] || short=no
        if [[ "$by_openssl $by_curl" != "$short $short" && -z $why ]]; then
            echo "$row: the others judge differently, and no reason stands there" >&2
            bad=$((bad + 1))
        fi
        # a request arrived inside TLS where it was to, and nowhere else
        arrived=$(grep -c "^$port $CANARY\$" "$DIR/access.log" || true)
        [[ $wanted == ok && $arrived == 1 || $wanted != ok && $arrived == 0 ]] || {
            echo "$row: $arrived requests arrived" >&2
            bad=$((bad + 1))
        }
    done <"$DIR/rows"
    run ! grep -q 'plain HTTP request' "$DIR/error.log"
    [ "$bad" -eq 0 ]
}

@test "no row stands there twice, and the difficult ones are among them" {
    [ -z "$(cut -d '|' -f 1 "$DIR/rows" | sort | uniq -d)" ]
    [ "$(wc -l <"$DIR/rows")" -ge 70 ]
}
