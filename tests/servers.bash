# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # what is set here is used by the suite; BATS variables
# Real servers for servers.bats: cupsd, ippeveprinter, nginx and python's http.server, each in a directory of its own
# below SERVERS, on a free port of loopback, run by whoever runs the tests. start_NAME sets SERVER_PORT; stop_all ends
# it. PYTHON is the interpreter. Every one of them serves the page below SERVERS/www or, ippeveprinter, its own.

# make_ca: SERVERS/ca.pem and its key, and the page
make_ca() {
    mkdir -p "$SERVERS/www"
    echo '<!DOCTYPE html><title>page</title><p>served by a real server' >"$SERVERS/www/index.html"
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -subj '/CN=servers test CA' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout "$SERVERS/ca.key" -out "$SERVERS/ca.pem" 2>/dev/null
}

# make_cert NAME SUBJECT-ALT-NAME DIR: DIR/NAME.crt, with its chain, and DIR/NAME.key
make_cert() {
    mkdir -p "$3"
    openssl req -newkey rsa:2048 -nodes -sha256 -subj "/CN=$1" -keyout "$3/$1.key" -out "$3/$1.csr" 2>/dev/null
    openssl x509 -req -sha256 -days 30 -in "$3/$1.csr" -CA "$SERVERS/ca.pem" -CAkey "$SERVERS/ca.key" -CAcreateserial \
        -extfile <(printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$2") \
        -out "$3/$1.crt" 2>/dev/null
    cat "$SERVERS/ca.pem" >>"$3/$1.crt"
    chmod 600 "$3/$1.key"
}

free_port() {
    "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listens() {
    (exec 5<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# serve DIR COMMAND...: in the background, until it listens on a free port; the word PORT in an argument is its number.
# The number is free when it is chosen and may not be a moment later: then another.
serve() {
    local dir=$1 try
    shift
    for try in 1 2 3; do
        SERVER_PORT=$(free_port)
        [[ -z ${CONFIGURE:-} ]] || "$CONFIGURE" "$dir" "$SERVER_PORT"
        env -u LD_PRELOAD "${@//PORT/$SERVER_PORT}" >"$dir/output" 2>&1 </dev/null 3>&- &
        SERVER_PID=$!
        PIDS+=("$SERVER_PID")
        wait_for 10 listens_or_gone "$SERVER_PORT" "$SERVER_PID"
        kill -0 "$SERVER_PID" 2>/dev/null && listens "$SERVER_PORT" && return
    done
    cat "$dir/output" >&2
    return 1
}

listens_or_gone() {
    listens "$1" || ! kill -0 "$2" 2>/dev/null
}

# start_cupsd DIR SERVERNAME: the certificate of an upgrade is the one of ServerName
start_cupsd() {
    local dir=$SERVERS/$1
    mkdir -p "$dir"/{root,spool/tmp,cache,state,log}
    CUPSD_NAME=$2
    make_cert "$2" "DNS:$2$([[ $2 != localhost ]] || echo ,IP:127.0.0.1)" "$dir/ssl"
    CONFIGURE=configure_cupsd serve "$dir" /usr/sbin/cupsd -f -c "$dir/cupsd.conf" -s "$dir/cups-files.conf"
}

configure_cupsd() {
    cat >"$1/cups-files.conf" <<E
ServerRoot $1/root
ServerKeychain $1/ssl
CreateSelfSignedCerts no
RequestRoot $1/spool
TempDir $1/spool/tmp
CacheDir $1/cache
StateDir $1/state
DocumentRoot $SERVERS/www
AccessLog $1/log/access_log
ErrorLog $1/log/error_log
PageLog $1/log/page_log
E
    cat >"$1/cupsd.conf" <<E
LogLevel warn
Listen 127.0.0.1:$2
ServerName $CUPSD_NAME
ServerAlias *
Browsing Off
WebInterface Yes
DefaultAuthType None
<Location />
  Order allow,deny
  Allow all
</Location>
E
    chmod -R go+rX "$1"
}

# start_ippeveprinter DIR
start_ippeveprinter() {
    local dir=$SERVERS/$1
    mkdir -p "$dir"/{home,spool}
    make_cert localhost DNS:localhost,IP:127.0.0.1 "$dir/ssl"
    ${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o "$dir/avahi.so" "$BATS_TEST_DIRNAME/clients/avahi.c" -ldl
    serve "$dir" env HOME="$dir/home" TMPDIR="$dir/spool" LD_PRELOAD="$dir/avahi.so" \
        ippeveprinter -r off -n localhost -p PORT -K "$dir/ssl" -d "$dir/spool" -f application/pdf Printer
}

# start_nginx DIR
start_nginx() {
    local dir=$SERVERS/$1
    mkdir -p "$dir"
    CONFIGURE=configure_nginx serve "$dir" nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log"
}

configure_nginx() {
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
    server {
        listen 127.0.0.1:$2;
        root $SERVERS/www;
    }
}
E
}

# start_http_server DIR: python's
start_http_server() {
    mkdir -p "$SERVERS/$1"
    serve "$SERVERS/$1" "$PYTHON" -m http.server -b 127.0.0.1 -d "$SERVERS/www" PORT
}

# tap DIR PORT [MS]: a forwarder to PORT that keeps what crosses in DIR/wire.log, MS milliseconds late; sets TAP_PORT
tap() {
    mkdir -p "$1"
    env -u LD_PRELOAD "$PYTHON" "$BATS_TEST_DIRNAME/clients/wiretap.py" "$@" >"$1/output" 2>&1 </dev/null 3>&- &
    PIDS+=("$!")
    wait_for 10 test -e "$1/port" || {
        cat "$1/output" >&2
        return 1
    }
    TAP_PORT=$(<"$1/port")
}

# repository DIR: one package, signed
repository() {
    mkdir -p "$1"/{pkg/DEBIAN,gnupg}
    chmod 700 "$1/gnupg"
    printf '%s\n' 'Package: tlsup-test' 'Version: 1' 'Architecture: all' 'Maintainer: a <a@b.test>' 'Description: a test' \
        >"$1/pkg/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$1/pkg" "$1/tlsup-test_1_all.deb" >/dev/null
    (
        cd "$1" || exit
        cat pkg/DEBIAN/control - >Packages <<DEB
Filename: ./tlsup-test_1_all.deb
Size: $(stat -c %s tlsup-test_1_all.deb)
SHA256: $(sha256sum <tlsup-test_1_all.deb | cut -d' ' -f1)

DEB
        printf '%s\n' "Date: $(date -Ru)" SHA256: " $(sha256sum <Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages" >Release
        export GNUPGHOME=$1/gnupg
        gpg --batch --quiet --passphrase '' --quick-gen-key a@b.test rsa2048 sign never 2>/dev/null
        gpg --export a@b.test >key.gpg
        gpg --batch --quiet --clearsign -o InRelease Release
        gpgconf --kill gpg-agent
        rm -rf gnupg pkg
    )
    chmod -R go+rX "$1"
}

# apt_options DIR URL KEY: options of an apt-get that knows that repository alone, in options
apt_options() {
    mkdir -p "$1"/{lists/partial,cache/archives/partial}
    touch "$1/status"
    echo "deb [signed-by=$3] $2 ./" >"$1/sources.list"
    options=(-q -o Dir::State="$1" -o Dir::State::status="$1/status" -o Dir::Cache="$1/cache" -o Dir::State::Lists="$1/lists"
        -o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts="$1/none" -o Dir::Etc::Main="$1/none"
        -o Dir::Etc::Parts="$1/none" -o APT::Sandbox::User=root -o Acquire::Retries=0
        -o "Acquire::http::User-Agent=$CANARY")
}
