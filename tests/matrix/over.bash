# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of run; what is set here is used there
# The ways to TLS that the matrix can be run over. over_NAME starts what serves $dir/files and /bytes/N in the folder $dir/server
# and writes $dir/policy.conf; it sets
#   URL           where the bodies are
#   HOST PORT     of it
#   CLEAR INSIDE  files that show what arrived outside TLS, and inside
# and adds to PIDS what has to be stopped.

# in band (RFC 2817), by our own origin
over_upgrade() {
    start_own_origin || return
    echo "$HOST:$PORT verify try=upgrade ca=$dir/server/ca.pem audit=$dir/audit" >"$dir/policy.conf"
}

# TLS from the first byte on another port, which the same origin has
over_implicit() {
    start_own_origin || return
    echo "$HOST:$PORT verify try=implicit implicit-port=$(sed -n 's/^tls-port //p' "$dir/server/ready")" \
        "ca=$dir/server/ca.pem audit=$dir/audit" >"$dir/policy.conf"
}

start_own_origin() {
    local try look
    # puf prints the port as a signed number of 16 bits
    for try in 1 2 3 4 5 6 7 8; do
        PORT=$((10240 + RANDOM % 20000))
        "$BUILD/origin" --dir "$dir/server" --port "$PORT" --files "$dir/files" --lifetime 3600 >"$dir/server.out" 2>&1 &
        PIDS=($!)
        for ((look = 0; look < 500; look++)); do
            [[ ! -e $dir/server/ready ]] || break 2
            kill -0 "${PIDS[0]}" 2>/dev/null || break
            sleep 0.02
        done
    done
    [[ -e $dir/server/ready ]] || {
        cat "$dir/server.out" >&2
        return 1
    }
    HOST=localhost
    URL=http://$HOST:$PORT
    CLEAR=$dir/server/clear.log INSIDE=$dir/server/inside.log
}

# TLS from the first byte by nginx, as most of the web has it. Its log knows which port a request came by.
over_nginx() {
    local tls try user='' size
    mkdir -p "$dir/server/www/bytes"
    for size in "$SMALL" "$LARGE"; do cp "$dir/want.$size" "$dir/server/www/bytes/$size"; done
    ln -s "$dir/files" "$dir/server/www/files"
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -subj '/CN=localhost' -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$dir/server/key.pem" -out "$dir/server/ca.pem" 2>/dev/null
    if ((EUID == 0)); then user='user root;'; fi
    CLEAR=$dir/server/clear.log INSIDE=$dir/server/inside.log HOST=localhost
    for try in 1 2 3 4 5 6 7 8; do
        PORT=$((10240 + RANDOM % 20000)) tls=$((30300 + RANDOM % 2400))
        cat >"$dir/server/nginx.conf" <<E
$user
daemon off;
worker_processes 1;
pid $dir/server/pid;
error_log $dir/server/error.log;
events { }
http {
    map \$https \$plain { on 0; default 1; }
    log_format line '\$request';
    access_log $CLEAR line if=\$plain;
    access_log $INSIDE line if=\$https;
    client_body_temp_path $dir/server/body;
    proxy_temp_path $dir/server/proxy;
    fastcgi_temp_path $dir/server/fastcgi;
    uwsgi_temp_path $dir/server/uwsgi;
    scgi_temp_path $dir/server/scgi;
    server {
        listen 127.0.0.1:$PORT;
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/server/ca.pem;
        ssl_certificate_key $dir/server/key.pem;
        root $dir/server/www;
    }
}
E
        nginx -p "$dir/server" -c "$dir/server/nginx.conf" -e "$dir/server/error.log" &
        PIDS=($!)
        sleep 1
        ! kill -0 "${PIDS[0]}" 2>/dev/null || break
    done
    URL=http://$HOST:$PORT
    echo "$HOST:$PORT verify try=implicit implicit-port=$tls ca=$dir/server/ca.pem audit=$dir/audit" >"$dir/policy.conf"
}
