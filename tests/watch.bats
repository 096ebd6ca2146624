# SPDX-License-Identifier: MIT
# tlsup run --explain: what becomes of each connection, while the command runs, and nothing else about the command changes.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY NO_COLOR
    POLICY=$TMP/policy.conf
    CANARY=canary-$RANDOM-$RANDOM
    echo '* verify audit=none' >"$POLICY"
}

serve() {
    start_origin "$@"
    echo "localhost:$ORIGIN_PORT ${RULE:-verify} ca=$ORIGIN_CA audit=none try=upgrade" >"$POLICY"
    URL=http://localhost:$ORIGIN_PORT
}

explain() {
    tlsup_run -p "$POLICY" --explain -- "$@"
}

@test "upgraded, and closed" {
    serve
    run --separate-stderr explain curl -sS -H "X-Canary: $CANARY" "$URL/bytes/100"
    [ "$status" -eq 0 ]
    [ "$output" = "$(pattern 100)" ]
    grep -qE "^tlsup: upgraded $URL \(TLSv1\.3, policy\.conf:1 verify; curl [0-9]+\)\$" <<<"$stderr"
    grep -qE "^tlsup: closed $URL \([0-9]+ bytes in, [0-9]+ out, [a-z-]+; curl [0-9]+\)\$" <<<"$stderr"
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "refused, and what would be" {
    serve --no-upgrade
    run --separate-stderr explain curl -s -H "X-Canary: $CANARY" "$URL/"
    [ "$status" -ne 0 ]
    grep -qE "^tlsup: blocked $URL: the server answered 200 .* \(policy\.conf:1 verify; curl [0-9]+\)\$" <<<"$stderr"
    assert_no_clear "$CANARY"
    sed -i 's/$/ mode=testing/' "$POLICY"
    run --separate-stderr explain curl -sS "$URL/"
    [ "$status" -eq 0 ]
    grep -qE "^tlsup: allowed-plain $URL, would be blocked: the server answered 200" <<<"$stderr"
}

# curl writes its own messages in pieces, printf in one.
@test "a line is whole, whatever the command writes meanwhile" {
    serve
    run --separate-stderr explain bash -c 'for _ in {1..30}; do curl -s "$0/bytes/10"; done &
        while kill -0 $! 2>/dev/null; do printf "the command says\n" >&2; done; wait' "$URL"
    [ "$status" -eq 0 ]
    [ "$(grep -cE '^tlsup: (upgraded|closed) .*; curl [0-9]+\)$' <<<"$stderr")" -eq 60 ]
    [ "$(grep -cvE '^tlsup: (upgraded|closed) .*; curl [0-9]+\)$|^the command says$' <<<"$stderr")" -eq 0 ]
}

@test "children, and a relay" {
    serve
    run --separate-stderr explain bash -c 'curl -sS "$0/bytes/10"; exec 3<>"/dev/tcp/localhost/$1"
        printf "GET /bytes/20 HTTP/1.1\r\nHost: localhost:$1\r\nX-C: $2\r\nConnection: close\r\n\r\n" >&3; tail -c 20 <&3' "$URL" "$ORIGIN_PORT" "$CANARY"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^tlsup: upgraded ' <<<"$stderr")" -eq 2 ]
    grep -qE 'verify; bash [0-9]+\)$' <<<"$stderr"
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a child with a cleaned environment" {
    serve
    [ -z "$(sanitizer_runtime)" ] || skip 'a cleaned environment has no ASAN_OPTIONS'
    run --separate-stderr explain env -i "$(command -v curl)" -sS -H "X-Canary: $CANARY" "$URL/bytes/10"
    [ "$status" -eq 0 ]
    grep -q "^tlsup: upgraded $URL " <<<"$stderr"
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "the log gets what it gets anyway" {
    serve
    sed -i "s#audit=none#audit=$TMP/audit#" "$POLICY"
    run -0 --separate-stderr explain curl -sS -H "X-Canary: $CANARY" "$URL/"
    [ "$(jq -r .event "$TMP/audit" | xargs)" = 'decision close' ]
    run ! grep -q '"lost"' "$TMP/audit"
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "exit status and signals are the command's" {
    run -7 explain sh -c 'exit 7'
    run -127 explain no-such-command-anywhere
    run -126 explain "$TMP"
    local status=0
    explain sh -c 'kill -KILL $$' 2>/dev/null || status=$?
    [ "$status" -eq 137 ]
    # a signal that is sent to tlsup is for the command, and it can answer as it likes
    explain sh -c 'trap "exit 21" TERM; echo ready >"$0"; while :; do sleep 0.05; done' "$TMP/ready" &
    PIDS+=($!)
    wait_for 10 test -s "$TMP/ready"
    kill -TERM "$(pgrep -P $! -x tlsup || echo $!)"
    status=0
    wait $! || status=$?
    [ "$status" -eq 21 ]
}

@test "colours on a terminal, unless NO_COLOR says no" {
    serve
    # the sanitizers' preload is for the command, not for script
    terminal() { # NAME=VALUE...
        TERM=xterm env "$@" script -qec "'$BUILD/tlsup' run -p '$POLICY' --explain -- curl -sS -o '$TMP/body' $URL/" /dev/null </dev/null
    }
    [ -z "$(sanitizer_runtime)" ] || skip 'script starts the command without the sanitizers'
    terminal A=b | grep -q $'^tlsup: \e\\[32mupgraded\e\\[0m http'
    terminal NO_COLOR= | grep -q $'\e\\[32m'
    run ! grep -q $'\e' < <(terminal NO_COLOR=1)
    run ! grep -q $'\e' < <(terminal TERM=dumb)
    terminal NO_COLOR=1 | grep -q '^tlsup: upgraded http'
    assert_no_clear "GET /"
}

@test "nothing is left behind, also by what outlives the command" {
    serve
    left() { find /tmp -maxdepth 1 -name 'tlsup-explain.*' | wc -l; }
    before=$(left)
    run -0 explain sh -c '(sleep 0.4; echo "$TLSUP_EXPLAIN" >"$1"; curl -sS -o "$1.body" "$0/") >/dev/null 2>&1 3>&- &' "$URL" "$TMP/late"
    wait_for 10 test -s "$TMP/late.body"
    [[ $(cat "$TMP/late") == /tmp/tlsup-explain.*/records ]]
    [ ! -e "$(cat "$TMP/late")" ]
    [ "$(left)" -le "$before" ]
}
