# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # what is set here is used by the suite; variables of lib.bash, servers.bash
# Real proxies for proxy.bats, and nginx as an origin that speaks TLS alone: load lib, servers and this. Each lives in a
# directory of its own below SERVERS, and in the foreground; its access log is DIR/access.log.

# start_squid DIR [DIRECTIVE...]: squid will not be root; its user needs the way there
start_squid() {
    local dir=$SERVERS/$1 as=()
    mkdir -p "$dir"
    SQUID_MORE=$(printf '%s\n' "${@:2}")
    if ((EUID == 0)); then
        chmod a+rx "$dir"
        chown proxy "$dir"
        as=(setpriv --reuid=proxy --regid=proxy --clear-groups)
        # a bare root has a /dev/shm that only root may write to, and squid shares memory with itself
        [[ -k /dev/shm ]] || as+=(--inh-caps=+dac_override --ambient-caps=+dac_override)
    fi
    CONFIGURE=configure_squid serve "$dir" "${as[@]}" squid -N -n "tlsup$BASHPID" -f "$dir/squid.conf"
}

configure_squid() {
    # the first rule that fits decides: those of the test come first
    cat >"$1/squid.conf" <<E
http_port 127.0.0.1:$2
$SQUID_MORE
http_access allow all
cache deny all
cache_mem 1 MB
memory_pools off
max_filedescriptors 256
pinger_enable off
pid_filename none
coredump_dir $1
access_log stdio:$1/access.log
cache_log $1/cache.log
cache_store_log none
netdb_filename none
logfile_rotate 0
shutdown_lifetime 0 seconds
visible_hostname localhost
E
    : >"$1/access.log"
    if ((EUID == 0)); then chown proxy "$1/access.log"; fi
}

# start_tinyproxy DIR [DIRECTIVE...]
start_tinyproxy() {
    mkdir -p "$SERVERS/$1"
    TINYPROXY_MORE=$(printf '%s\n' "${@:2}")
    CONFIGURE=configure_tinyproxy serve "$SERVERS/$1" tinyproxy -d -c "$SERVERS/$1/tinyproxy.conf"
}

configure_tinyproxy() {
    cat >"$1/tinyproxy.conf" <<E
Port $2
Listen 127.0.0.1
Timeout 30
MaxClients 50
LogLevel Connect
LogFile "$1/access.log"
$TINYPROXY_MORE
E
}

# start_nginx_tls DIR: the files below SERVERS/www, over TLS with SERVERS/tls/localhost.crt; any other path is the page
start_nginx_tls() {
    local dir=$SERVERS/$1
    mkdir -p "$dir"
    CONFIGURE=configure_nginx_tls serve "$dir" nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log"
}

configure_nginx_tls() {
    configure_nginx "$1" "$2"
    local tls="ssl; ssl_certificate $SERVERS/tls/localhost.crt; ssl_certificate_key $SERVERS/tls/localhost.key;"
    local log="log_format heads '\$request proxy:\$http_proxy_authorization\$http_proxy_connection';"
    sed -i "s|listen 127.0.0.1:$2;|listen 127.0.0.1:$2 $tls error_page 404 405 =200 /index.html;|
        s|access_log off;|$log access_log $1/access.log heads;|" "$1/nginx.conf"
}
