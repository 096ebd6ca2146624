# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # what is set here is used by the suites; variables of lib.bash and dial.bash
# An origin whose TLS lives on a port of its own, and programs under a policy for it: load lib, load dial, load implicit.

# two_ports [SCRIPT-LINE...]: an origin with TLS on a port of its own
two_ports() {
    local dir
    dir=$(mktemp -d "$TMP/row.XXXXXX")
    cp "$BATS_FILE_TMPDIR"/certs/*.{pem,key,pin} "$dir"
    printf '%s\n' "${@:-honest}" >"$dir/script"
    start_origin --dir "$dir" --reuse --script "$dir/script"
    CANARY=canary-$RANDOM-$RANDOM
    URL=http://localhost:$ORIGIN_PORT
    printf 'GET / HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\nConnection: close\r\n\r\n' "$ORIGIN_PORT" "$CANARY" \
        >"$dir/request"
}

# rule LEVEL OPTION...: for that origin
rule() {
    policy "localhost:PORT $1 ca=CA audit=AUDIT implicit-port=$ORIGIN_TLS_PORT ${*:2}"
}

protected() {
    tlsup_run -p "$ORIGIN_DIR/policy.conf" -- "$@"
}

# record FIELD...: of each decision
record() {
    jq -r "select(.event == \"decision\") | [$(printf '.%s, ' "$@" | sed 's/, $//')] | map(. // \"-\") | join(\" \")" \
        "$ORIGIN_DIR/audit"
}

python() {
    protected python3 - "$ORIGIN_PORT" "$CANARY" "$@"
}

page='It works.'
on_tls_port() { grep -c " tls TLS" "$ORIGIN_DIR/events.log"; }
on_plain_port() { grep -c " clear OPTIONS" "$ORIGIN_DIR/events.log"; }
