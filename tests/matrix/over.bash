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
