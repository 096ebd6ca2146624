# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of run
# What the bench talks to: nginx and the bench's own server as origins, and the peers, programs of Debian that put TLS under plain
# clients. All listen on 127.0.0.1. PORT[…] and PID[…] say where and who.
#
# Targets, each a port of an origin:  plain    HTTP, nginx                tls13, tls12   HTTPS, nginx
#   new13, new12  the same, for which the policy says resume=no            one13          the same, for which it names one certificate
#   server        the bench's server, TLS from the first byte             upgrade        the same, plain until it is asked for TLS
# A peer listens on PORT[PEER-TARGET].

declare -A PORT PID

stop_server() { # NAME...
    local name
    for name; do
        [[ -z ${PID[$name]:-} ]] || kill "${PID[$name]}" 2>/dev/null
    done
    for name; do
        [[ -z ${PID[$name]:-} ]] || wait "${PID[$name]}" 2>/dev/null
        unset "PID[$name]"
    done
}

stop_servers() { stop_server "${!PID[@]}"; }

listens() { (exec 5<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# a port that nobody listens on, and that was not given away, in PORT[$1]
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        [[ " ${PORT[*]} " == *" $port "* ]] || listens "$port" || break
    done
    PORT[$1]=$port
}

declare -A LISTENS=(
    [origin]='plain tls13 new13 one13 tls12 new12'
    [server]='server upgrade'
    [stunnel]='stunnel-tls13 stunnel-tls12 stunnel-server'
    [haproxy-tcp]='haproxy-tcp-tls13 haproxy-tcp-tls12 haproxy-tcp-server'
    [haproxy-http]='haproxy-http-tls13 haproxy-http-tls12 haproxy-http-server'
    [nginx]='nginx-tls13 nginx-tls12 nginx-server'
    [nginx-pool]='nginx-pool-tls13 nginx-pool-tls12 nginx-pool-server'
    [socat-tls13]=socat-tls13
    [socat-server]=socat-server
)

# start NAME COMMAND...: in the background, until it listens on all of LISTENS[NAME]
start() {
    local name=$1 key try
    shift
    "$@" >"$dir/$name.output" 2>&1 </dev/null &
    PID[$name]=$!
    for key in ${LISTENS[$name]}; do
        for ((try = 0; try < 500; try++)); do
            ! listens "${PORT[$key]}" || continue 2
            kill -0 "${PID[$name]}" 2>/dev/null || break
            sleep 0.02
        done
        tail -n 5 "$dir/$name.output" >&2
        echo "bench: $name does not listen for $key" >&2
        return 1
    done
}

# the process of a peer; socat is one for each target
process_of() { # PEER TARGET
    if [[ $1 == socat ]]; then echo "socat-$2"; else echo "$1"; fi
}

# ---- certificates and bodies ------------------------------------------------------------------------------------------

make_files() {
    mkdir -p "$dir/www" "$dir/certs"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=bench CA' \
            -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout "$dir/ca.key" -out "$dir/ca.pem" &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout "$dir/key.pem" -out "$dir/csr.pem" &&
            openssl x509 -req -days 30 -in "$dir/csr.pem" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
                -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n') \
                -out "$dir/cert.pem"
    } >"$dir/openssl.output" 2>&1 || return
    # the system's certificates, and ours
    cp -rL /etc/ssl/certs/. "$dir/certs"
    cp "$dir/ca.pem" "$dir/certs/$(openssl x509 -hash -noout -in "$dir/ca.pem").0"
    cat "$dir/ca.pem" >>"$dir/certs/ca-certificates.crt"
    head -c 1024 /dev/urandom >"$dir/www/1k"
    head -c 102400 /dev/urandom >"$dir/www/100k"
    truncate -s "$bulk" "$dir/www/big"
    cat "$dir/www/big" >/dev/null # so that it is in memory
}

# ---- origins ----------------------------------------------------------------------------------------------------------

nginx_frame() { # NAME WORKERS: the beginning of a configuration
    if ((EUID == 0)); then echo 'user root;'; fi
    cat <<E
daemon off; pid $dir/$1.pid; error_log $dir/$1.error; worker_processes $2; worker_rlimit_nofile $files;
events { worker_connections $files; }
http {
  keepalive_requests 100000000; keepalive_timeout 600s; default_type application/octet-stream;
  client_max_body_size 0; client_body_temp_path $dir/$1.body; proxy_temp_path $dir/$1.proxy;
  fastcgi_temp_path $dir/$1.fastcgi; uwsgi_temp_path $dir/$1.uwsgi; scgi_temp_path $dir/$1.scgi;
E
}

# A line of its log is a request: version of TLS or -, r if the session was resumed, status, bytes of the body.
origin_configuration() {
    nginx_frame origin 2
    cat <<E
  sendfile on; tcp_nopush on; root $dir/www; open_file_cache max=100;
  log_format bench '\$ssl_protocol \$ssl_session_reused \$status \$body_bytes_sent';
  access_log $dir/origin.log bench buffer=64k flush=20ms;
  ssl_certificate $dir/cert.pem; ssl_certificate_key $dir/key.pem;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  ssl_session_cache shared:bench:10m; ssl_session_timeout 1h;
  server { listen 127.0.0.1:${PORT[plain]} backlog=4096; }
  server { ssl_protocols TLSv1.3;
    listen 127.0.0.1:${PORT[tls13]} ssl backlog=4096; listen 127.0.0.1:${PORT[new13]} ssl backlog=4096;
    listen 127.0.0.1:${PORT[one13]} ssl backlog=4096; }
  server { ssl_protocols TLSv1.2;
    listen 127.0.0.1:${PORT[tls12]} ssl backlog=4096; listen 127.0.0.1:${PORT[new12]} ssl backlog=4096; }
}
E
}

start_origins() {
    local keys key
    for keys in "${LISTENS[@]}"; do
        for key in $keys; do free_port "$key"; done
    done
    origin_configuration >"$dir/origin.conf"
    start origin nginx -p "$dir" -c "$dir/origin.conf" -e "$dir/origin.error" &&
        start server "$build/bench/server" "$dir/cert.pem" "$dir/key.pem" "${PORT[upgrade]}" "${PORT[server]}" "$dir/server.log"
}

# ---- peers: each verifies the origin, as tlsup does ---------------------------------------------------------------------

targets='tls13 tls12 server'

start_stunnel() {
    local target
    {
        printf 'foreground = yes\npid =\ndebug = 3\n'
        for target in $targets; do
            printf '[%s]\nclient = yes\naccept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\n' \
                "$target" "${PORT[stunnel-$target]}" "${PORT[$target]}"
            printf 'CAfile = %s\nverifyChain = yes\ncheckHost = localhost\n' "$dir/ca.pem"
        done
    } >"$dir/stunnel.conf"
    start stunnel stunnel4 "$dir/stunnel.conf"
}

start_haproxy() { # tcp|http
    local target
    {
        printf 'global\n  nbthread 1\n  maxconn %s\n' $(((files - 1000) / 2))
        printf 'defaults\n  mode %s\n  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\n' "$1"
        for target in $targets; do
            printf 'listen %s\n  bind 127.0.0.1:%s\n' "$target" "${PORT[haproxy-$1-$target]}"
            printf '  server s 127.0.0.1:%s ssl verify required ca-file %s verifyhost localhost sni str(localhost)\n' \
                "${PORT[$target]}" "$dir/ca.pem"
        done
    } >"$dir/haproxy-$1.conf"
    start "haproxy-$1" haproxy -db -f "$dir/haproxy-$1.conf"
}
start_haproxy_tcp() { start_haproxy tcp; }
start_haproxy_http() { start_haproxy http; }

start_nginx_peer() { # NAME LINE-OF-UPSTREAM LINE-OF-HTTP
    local target
    {
        nginx_frame "$1" 1
        echo "  access_log off; proxy_request_buffering off; proxy_max_temp_file_size 0; proxy_http_version 1.1; $3"
        echo "  proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_trusted_certificate $dir/ca.pem;"
        echo '  proxy_ssl_protocols TLSv1.2 TLSv1.3;'
        for target in $targets; do
            echo "  upstream $target { server 127.0.0.1:${PORT[$target]}; $2 }"
            echo "  server { listen 127.0.0.1:${PORT[$1-$target]} backlog=4096; location / { proxy_pass https://$target; } }"
        done
        echo '}'
    } >"$dir/$1.conf"
    start "$1" nginx -p "$dir" -c "$dir/$1.conf" -e "$dir/$1.error"
}
start_nginx() { start_nginx_peer nginx '' ''; }
start_nginx_pool() { start_nginx_peer nginx-pool 'keepalive 128; keepalive_requests 100000000;' 'proxy_set_header Connection "";'; }

start_socat() {
    local target
    for target in tls13 server; do
        start "socat-$target" socat -b 16384 "TCP-LISTEN:${PORT[socat-$target]},bind=127.0.0.1,fork,reuseaddr,backlog=512,nodelay" \
            "OPENSSL:localhost:${PORT[$target]},pf=ip4,cafile=$dir/ca.pem,verify=1,nodelay" || return
    done
}

start_peers() { # PEER...
    local peer
    for peer; do "start_${peer//-/_}" || return; done
}
