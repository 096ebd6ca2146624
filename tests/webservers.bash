# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # what is set here is used by the suite; BATS variables
# The web's own servers, each with a plain port and one of TLS, as they come from Debian; servers.bash has what they share.
# start_NAME sets SERVER_PORT and TLS_PORT (0: it has none). They all serve SERVERS/www.

# configure_pair DIR PORT: the port of TLS that goes with it; CONFIGURE of serve
configure_pair() {
    TLS_PORT=$(free_port)
    "write_$FLAVOUR" "$1" "$2" "$TLS_PORT"
}

# start_pair FLAVOUR COMMAND...
start_pair() {
    local dir=$SERVERS/$1
    FLAVOUR=$1
    mkdir -p "$dir"
    make_cert localhost DNS:localhost,IP:127.0.0.1,DNS:other.test "$dir/ssl"
    CONFIGURE=configure_pair serve "$dir" "${@:2}"
    wait_for 10 listens "$TLS_PORT"
}

write_nginx() {
    local user=''
    if ((EUID == 0)); then user='user root;'; fi
    cat >"$1/nginx.conf" <<E
$user
daemon off;
worker_processes 1;
pid $1/pid;
error_log $1/error.log;
events { }
http {
    access_log off;
    client_body_temp_path $1/body;
    proxy_temp_path $1/proxy;
    fastcgi_temp_path $1/fastcgi;
    uwsgi_temp_path $1/uwsgi;
    scgi_temp_path $1/scgi;
    root $SERVERS/www;
    server {
        listen 127.0.0.1:$2;
    }
    server {
        listen 127.0.0.1:$3 ssl http2;
        ssl_certificate $1/ssl/localhost.crt;
        ssl_certificate_key $1/ssl/localhost.key;
        location /echo {
            proxy_pass http://127.0.0.1:${ECHO_PORT:-9};
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host \$http_host;
        }
    }
}
E
}

write_apache2() {
    local module modules=/usr/lib/apache2/modules
    {
        for module in mpm_event authz_core dir unixd ssl; do
            [[ ! -e $modules/mod_$module.so ]] || echo "LoadModule ${module}_module $modules/mod_$module.so"
        done
        if ((EUID == 0)); then printf 'User www-data\nGroup www-data\n'; fi
        cat <<E
ServerRoot $1
ServerName localhost
PidFile $1/pid
ErrorLog $1/error.log
Mutex file:$1
DocumentRoot $SERVERS/www
DirectoryIndex index.html
<Directory $SERVERS/www>
    Require all granted
</Directory>
Listen 127.0.0.1:$2
Listen 127.0.0.1:$3
<VirtualHost 127.0.0.1:$3>
    SSLEngine on
    SSLCertificateFile $1/ssl/localhost.crt
    SSLCertificateKeyFile $1/ssl/localhost.key
</VirtualHost>
E
    } >"$1/apache2.conf"
}

write_lighttpd() {
    cat >"$1/lighttpd.conf" <<E
server.modules = ( "mod_openssl" )
server.document-root = "$SERVERS/www"
server.bind = "127.0.0.1"
server.port = $2
server.errorlog = "$1/error.log"
index-file.names = ( "index.html" )
\$SERVER["socket"] == "127.0.0.1:$3" {
    ssl.engine = "enable"
    ssl.pemfile = "$1/ssl/localhost.crt"
    ssl.privkey = "$1/ssl/localhost.key"
}
E
}

write_node() {
    cat >"$1/server.js" <<E
const fs = require('fs'), http = require('http'), https = require('https'), path = require('path');
const page = (q, r) => fs.readFile(path.join('$SERVERS/www', q.url === '/' ? 'index.html' : path.normalize(q.url)),
    (error, data) => { r.statusCode = error ? 404 : 200; r.end(data); });
const plain = http.createServer(page);
if ('${NODE_UPGRADE:-}') plain.on('upgrade', (q, s) => s.end('HTTP/1.1 501 Not Implemented\\r\\n\\r\\n'));
plain.listen($2, '127.0.0.1');
https.createServer({cert: fs.readFileSync('$1/ssl/localhost.crt'), key: fs.readFileSync('$1/ssl/localhost.key')}, page)
    .listen($3, '127.0.0.1');
E
}

start_nginx_pair() { start_pair nginx nginx -p "$SERVERS/nginx" -c "$SERVERS/nginx/nginx.conf" -e "$SERVERS/nginx/error.log"; }
start_apache2() { start_pair apache2 apache2 -d "$SERVERS/apache2" -f "$SERVERS/apache2/apache2.conf" -DFOREGROUND; }
start_lighttpd() { start_pair lighttpd lighttpd -D -f "$SERVERS/lighttpd/lighttpd.conf"; }
start_node() { start_pair node node "$SERVERS/node/server.js"; }

start_busybox_httpd() {
    mkdir -p "$SERVERS/busybox"
    TLS_PORT=0
    serve "$SERVERS/busybox" busybox httpd -f -p 127.0.0.1:PORT -h "$SERVERS/www"
}

# start_echo: a WebSocket server that gives back what it gets
start_echo() {
    mkdir -p "$SERVERS/echo"
    serve "$SERVERS/echo" /usr/bin/python3 -c 'import asyncio, websockets
async def echo(ws):
    async for m in ws: await ws.send(m)
async def main():
    async with websockets.serve(echo, "127.0.0.1", PORT): await asyncio.Future()
asyncio.run(main())'
}
