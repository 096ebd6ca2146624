# SPDX-License-Identifier: MIT
# What is recorded of one connection: two events with one id, what it took, and what crossed.
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib

setup() {
    export BATS_TEST_TIMEOUT=30
    free_temp_dir
}

# fetch PATH: by curl at level verify; AUDIT is the log
fetch() {
    AUDIT=$TMP/audit.log
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$AUDIT" >"$TMP/policy.conf"
    tlsup_run -p "$TMP/policy.conf" -- curl -sS --noproxy '*' -H 'X-Canary: canary-records' -o "$TMP/body" \
        "http://localhost:$ORIGIN_PORT$1"
    assert_no_clear canary-records
    assert_inside canary-records
}

# of EVENT FILTER: what jq makes of that event
of() {
    jq -r "select(.event == \"$1\") | $2" "$AUDIT"
}

@test "decision and close have one id; close counts the plaintext" {
    start_origin
    fetch /bytes/5000
    [ "$(jq -r .event "$AUDIT" | xargs)" = 'decision close' ]
    [ "$(of decision .id)" = "$(of close .id)" ]
    [ "$(of close .closed)" = local ]
    [ "$(of close '.bytes_in > 5000 and .bytes_in < 6000')" = true ]
    [ "$(of close '.bytes_out > 50 and .bytes_out < 500')" = true ]
}

@test "the time that the server takes to say 101 is not the handshake's, nor the other way round" {
    printf '%s\n' '  expect-head' '  101' '  sleep 900' '  tls' '  options-answer' '  serve' >"$TMP/script"
    start_origin --script "$TMP/script"
    fetch /bytes/10
    [ "$(of decision '.negotiate_ms < 700')" = true ]
    [ "$(of decision '.handshake_ms >= 900')" = true ]
    stop_origin
    printf '%s\n' '  expect-head' '  sleep 900' '  101' '  tls' '  options-answer' '  serve' >"$TMP/script"
    start_origin --script "$TMP/script"
    : >"$AUDIT"
    fetch /bytes/10
    [ "$(of decision '.negotiate_ms >= 900')" = true ]
    [ "$(of decision '.handshake_ms < 700')" = true ]
}
