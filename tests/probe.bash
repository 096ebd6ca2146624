# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of lib.bash and bats
# tlsup probe and what it said: load lib, load probe.

# probe [OPTION...] URL: sets status and output; nothing is printed that a terminal would obey
probe() {
    run "$BUILD/tlsup" probe --timeout 1 "$@"
    ! LC_ALL=C grep -q '[^ -~]' <<<"$output" || {
        cat -v <<<"$output" >&2
        return 1
    }
}

# probe_origin [OPTION...]: both ports of the origin that was started last
probe_origin() {
    probe --implicit-port "$ORIGIN_TLS_PORT" "$@" "http://localhost:$ORIGIN_PORT/"
}

# says LINE: white space as it comes
says() {
    sed 's/  */ /g; s/^ //' <<<"$output" | grep -Fxq -- "$1" || {
        echo "no line '$1' in:" "$output" >&2
        return 1
    }
}

# json FILTER: of the output
json() {
    jq -r "$1" <<<"$output"
}

# is FILTER TEXT
is() {
    local got
    got=$(json "$1")
    [[ $got == "$2" ]] || {
        echo "$1 is '$got', not '$2'" "$output" >&2
        return 1
    }
}

# strategy NAME: a filter for it; of several the last
strategy() {
    printf '[.strategies[] | select(.strategy == "%s")][-1] | ' "$1"
}

pin_of() {
    cat "$ORIGIN_DIR/$1.pin"
}
