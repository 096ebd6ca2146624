# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of run; what is set here is used there
# The ways to TLS that the matrix can be run over. over_NAME starts what serves $dir/files and /bytes/N in the folder $dir/server
# and writes $dir/policy.conf; it sets
#   URL           where the bodies are
#   HOST PORT     of it
#   CLEAR INSIDE  files that show what arrived outside TLS, and inside
#   SUBVERSION    where there is a Subversion server: the folder of its repositories, URL/svn/NAME
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
    local tls try user='' size nginx
    mkdir -p "$dir/server/www/bytes"
    for size in "$SMALL" "$LARGE"; do cp "$dir/want.$size" "$dir/server/www/bytes/$size"; done
    ln -s "$dir/files" "$dir/server/www/files"
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -subj '/CN=localhost' -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$dir/server/key.pem" -out "$dir/server/ca.pem" 2>/dev/null
    if ((EUID == 0)); then user='user root;'; fi
    CLEAR=$dir/server/clear.log INSIDE=$dir/server/inside.log HOST=localhost
    start_subversion
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
        location /svn/ {
            proxy_pass http://127.0.0.1:${SUBVERSION_PORT:-9};
            proxy_set_header Host \$http_host;
        }
    }
}
E
        nginx -p "$dir/server" -c "$dir/server/nginx.conf" -e "$dir/server/error.log" &
        nginx=$!
        sleep 1
        ! kill -0 "$nginx" 2>/dev/null || break
    done
    PIDS+=("$nginx")
    URL=http://$HOST:$PORT
    echo "$HOST:$PORT verify try=implicit implicit-port=$tls ca=$dir/server/ca.pem audit=$dir/audit" >"$dir/policy.conf"
}

# Apache's, in the clear on loopback: with a repository whose one file is that of the git repository. Where it is not
# installed SUBVERSION stays empty.
start_subversion() {
    local modules=/usr/lib/apache2/modules module try server
    if [[ ! -e $modules/mod_dav_svn.so ]] || ! command -v svnadmin apache2 >/dev/null; then return; fi
    chmod 711 "$dir" # for its user
    mkdir -p "$dir/svn" "$dir/apache2" "$dir/trunk"
    cp "$dir/files/committed" "$dir/trunk/file"
    svnadmin create "$dir/svn/repository"
    svn import -q -m file "$dir/trunk" "file://$dir/svn/repository"
    for try in 1 2 3 4 5 6 7 8; do
        SUBVERSION_PORT=$((10240 + RANDOM % 20000))
        {
            for module in mpm_event authz_core unixd dav dav_svn; do
                [[ ! -e $modules/mod_$module.so ]] || echo "LoadModule ${module}_module $modules/mod_$module.so"
            done
            if ((EUID == 0)); then printf 'User www-data\nGroup www-data\n'; fi
            printf '%s\n' "ServerRoot $dir/apache2" 'ServerName localhost' "PidFile $dir/apache2/pid" \
                "ErrorLog $dir/apache2/error.log" "Mutex file:$dir/apache2" "Listen 127.0.0.1:$SUBVERSION_PORT" \
                '<Location /svn/>' 'DAV svn' "SVNParentPath $dir/svn" '</Location>'
        } >"$dir/apache2/apache2.conf"
        apache2 -d "$dir/apache2" -f "$dir/apache2/apache2.conf" -DFOREGROUND >"$dir/apache2/output" 2>&1 &
        server=$!
        sleep 1
        if kill -0 "$server" 2>/dev/null; then
            PIDS+=("$server")
            SUBVERSION=$dir/svn
            return
        fi
    done
}
