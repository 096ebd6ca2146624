# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of lib.bash
# One connection of tests/clients/dial.c to a scripted origin, and what came of it: load lib, load dial.

setup_file() {
    compile dial
    mkdir "$BATS_FILE_TMPDIR/certs"
    start_origin --dir "$BATS_FILE_TMPDIR/certs"
    stop_origin
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
}

# new_origin [SCRIPT-STEPS]: with this file's certificates and its own directory, which is ORIGIN_DIR
new_origin() {
    local dir
    dir=$(mktemp -d "$TMP/row.XXXXXX")
    cp "$BATS_FILE_TMPDIR"/certs/*.{pem,key,pin} "$dir"
    printf 'on 1:\n%s\n' "${1//; /$'\n'}" >"$dir/script"
    start_origin --dir "$dir" --reuse --script "$dir/script"
    CANARY=canary-$RANDOM-$RANDOM
    printf 'GET / HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\nConnection: close\r\n\r\n' \
        "$ORIGIN_PORT" "$CANARY" >"$dir/request"
}

# policy LINE...: in policy.conf; :PORT, =CA and =AUDIT stand for the origin's (a pin is base64 and may hold any letters).
# Where a line does not say how TLS is reached, it is in band alone: that is what most suites are about.
policy() {
    printf '%s\n' "$@" | sed -E "s|:PORT|:$ORIGIN_PORT|g; s|=CA|=$ORIGIN_CA|g; s|=AUDIT|=$ORIGIN_DIR/audit|g
        / (try|proxy)=/! s/^[^ ]+ +(may|encrypt|fingerprint|verify|secure)( |\$)/& try=upgrade /" >"$ORIGIN_DIR/policy.conf"
}

# request LINE...: what dial sends instead: lines with CRLF, the canary field and the empty line added
request() {
    printf '%s\r\n' "$@" "X-Canary: $CANARY" '' >"$ORIGIN_DIR/request"
}

# dial [OPTION...]: sends the request to HOST (localhost); calls go to "calls", the response to "got"
dial() {
    tlsup_run -p "$ORIGIN_DIR/policy.conf" -- "$BATS_FILE_TMPDIR/dial" "$@" -o "$ORIGIN_DIR/got" \
        "${HOST:-localhost}" "$ORIGIN_PORT" <"$ORIGIN_DIR/request" >"$ORIGIN_DIR/calls" 2>"$ORIGIN_DIR/stderr.program" || true
}

# decisions: one line each: action result_type errno level mode would
decisions() {
    jq -r 'select(.event == "decision") | [.action, .result_type, .errno, .level, .mode, .would]
           | map(. // "-") | join(" ")' "$ORIGIN_DIR/audit"
}

reason() {
    jq -r 'select(.event == "decision") | .reason // ""' "$ORIGIN_DIR/audit"
}

connections() {
    grep -c ' accept' "$ORIGIN_DIR/events.log"
}

# refused CALL ERRNO: that call failed, and every call after it at once, the same way
refused_calls() {
    local call=$1 error=$2
    echo 'connect 0'
    echo "$call $error"
    printf 'again %s %s\n' send "$error" recv "$error" send "$error" recv "$error" write "$error" read "$error"
    echo 'again poll 1 ERR HUP'
    echo "again so_error $error"
    echo 'close 0'
}

# The rest is for tests of one connection, where the first thing that is wrong ends the test.

calls() {
    cat "$ORIGIN_DIR/calls"
}

show() {
    head -n 20 "$ORIGIN_DIR"/{calls,stderr.program,audit,events.log} >&2
    return 1
}

# assert_refused ERRNO RESULT_TYPE REASON-REGEX [CALL]: dial was refused, with all that belongs to it
assert_refused() {
    [[ $(calls) == "$(refused_calls "${4:-send}" "$1")" ]] || show
    [[ $(decisions) == "blocked $2 $1 "* ]] || show
    [[ $(reason) =~ ^($3)$ ]] || show
    [[ $(<"$ORIGIN_DIR/stderr.program") == "tlsup: refused http://"*": $(reason) (policy.conf:1 "*"); tlsup explain http://"* ]] || show
    assert_no_clear "$CANARY"
    run ! grep -aFq "$CANARY" "$ORIGIN_DIR/inside.log"
}

# assert_upgraded: the response came, the request crossed inside TLS alone
assert_upgraded() {
    [[ $(calls) == *'recv '[1-9]*' EOF'*'close 0' ]] || show
    [[ $(decisions) == 'upgraded success '* ]] || show
    [[ ! -s $ORIGIN_DIR/stderr.program ]] || show
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

# assert_plain RECORD: the response came in the clear, and the one decision begins so
assert_plain() {
    [[ $(calls) == *'recv '[1-9]*' EOF'*'close 0' ]] || show
    [[ $(decisions) == "$1"* ]] || show
    [[ ! -s $ORIGIN_DIR/stderr.program ]] || show
    assert_clear "$CANARY"
}
