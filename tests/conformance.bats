# SPDX-License-Identifier: MIT
# Hostile and odd servers, row by row: tests/conformance has the rows, and runs them. Here each once, at verify; with --all it
# runs every level and mode, every kind of client, and the heads split at every offset.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
BATS_TEST_TIMEOUT=300
export BUILD

CONFORMANCE=$ROOT/tests/conformance/run

@test "every row is there: run, or struck with a reason, or tested by a suite that has it" {
    run -0 "$CONFORMANCE" --check
}

# The two misses: patience on implicit, and a hole of the server
@test "every row once, at verify; two are misses" {
    "$CONFORMANCE" | tee "$TMP/table"
    [ "${PIPESTATUS[0]}" -eq 0 ]
    [ "$(sed -n 's/^\(H[0-9a-z]*\) *miss .*/\1/p' "$TMP/table" | xargs)" = 'H088 H090' ]
    [ "$(grep -c '^ *miss: ' "$TMP/table")" = 2 ]
}

@test "the suite can fail: rows whose expectations are wrong do" {
    local word
    cp -r "$ROOT/tests/conformance" "$TMP/conformance"
    sed -i -e "s|^HERE = .*|HERE = pathlib.Path('$TMP/conformance')|" -e "s|^ROOT = .*|ROOT = pathlib.Path('$ROOT')|" \
        "$TMP/conformance/wire.py"
    rm "$TMP"/conformance/*.rows
    cat >"$TMP/conformance/A.rows" <<'ROWS'
H001 is refused, and expected to be upgraded
    server  expect-head; send "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; hang
    levels  tls
H002 is refused, with another reason
    server  expect-head; send "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; hang
    levels  deny
    error   EACCES starttls-not-supported
    reason  something else
H003 is refused, with another errno
    server  expect-head; send "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; hang
    levels  deny
    error   EPROTO starttls-not-supported
H004 crosses in the clear
    server  serve
    policy  *:{PORT} none audit=AUDIT
    levels  tls
H005 ends early
    server  expect-head; 101; tls; options-answer; tls-expect-head; tls-send "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbody"; fin
    levels  tls
H006 hangs
    server  expect-head; 101; tls; options-answer; tls-expect-head; hang
    levels  tls
ROWS
    PATIENCE=3 run -1 "$TMP/conformance/run"
    echo "$output" >&2
    for word in H001 H002 H003 H004 H005 H006; do
        [[ $output == *"$word  FAILED"* ]]
    done
    [[ $output == *'the request crossed in the clear: True instead of False'* ]]
}

@test "every suite that README and SECURITY.md name is there" {
    local name n=0
    # shellcheck disable=SC2016 # the quotes of the text
    while read -r name; do
        [ -e "$ROOT/tests/$name" ] || [ -e "$ROOT/tests/$name.c" ] || { echo "there is no tests/$name" >&2; false; }
        n=$((n + 1))
    done < <(grep -ohE '`[a-z/_0-9]+(\.bats|\.c)?`' "$ROOT/README.md" "$ROOT/SECURITY.md" | tr -d '`' | sed 's|^tests/||' |
        grep -E '\.bats$|^unit/|^conformance$' | sort -u)
    [ "$n" -gt 20 ]
}

# ---- redirects ---------------------------------------------------------------------------------------------------

@test "a redirect leads to a new dial, under the rule of the new host" {
    start_origin --no-upgrade
    CANARY=canary-$RANDOM-$RANDOM
    policy "first.test:$ORIGIN_PORT none" '*:PORT verify ca=CA audit=AUDIT timeout=1'
    run tlsup_run -p "$ORIGIN_DIR/policy.conf" -- curl -sSL --noproxy '*' -m 20 -H "X-Canary: $CANARY" \
        --resolve "first.test:$ORIGIN_PORT:127.0.0.1" --resolve "elsewhere.test:$ORIGIN_PORT:127.0.0.1" \
        "http://first.test:$ORIGIN_PORT/redirect?to=http://elsewhere.test:$ORIGIN_PORT/$CANARY-2"
    [ "$status" -eq 55 ] || [ "$status" -eq 56 ]
    [[ $output == *'Permission denied'* ]]
    assert_clear "GET /redirect"
    assert_no_clear "GET /$CANARY-2"
    [[ $(decisions) == 'blocked starttls-not-supported EACCES verify enforce -' ]]
    grep -aq "^Host: elsewhere.test" "$ORIGIN_DIR/clear.log" # of OPTIONS
}

# ---- escapes -----------------------------------------------------------------------------------------------------

# no_escapes FILE...: not a byte that a terminal would act on
no_escapes() {
    ! LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f-\xff]' "$@"
}

@test "what the network says is text in the record, on the terminal, in report and in explain" {
    local evil='\x1b[2J\x1b]0;x\x07\n{\"event\":\"decision\"}\r\x9b31m\xff' row n=0
    while IFS='|' read -r row; do
        new_origin "$row"
        policy 'localhost:PORT verify ca=CA audit=AUDIT'
        dial
        [ "$(calls | sed -n 2p | cut -d' ' -f1)" = send ]
        [ "$(wc -l <"$ORIGIN_DIR/stderr.program")" = 1 ]
        no_escapes "$ORIGIN_DIR/stderr.program" "$ORIGIN_DIR/audit"
        [ "$(wc -l <"$ORIGIN_DIR/audit")" = 1 ]
        [ "$(jq -r .event "$ORIGIN_DIR/audit")" = decision ]
        grep -Fq '\x1b[2J' "$ORIGIN_DIR/stderr.program" || [[ $row != *san=dns:a* ]]
        "$BUILD/tlsup" report "$ORIGIN_DIR/audit" >"$TMP/report"
        no_escapes "$TMP/report"
        assert_no_clear "$CANARY"
        stop_origin
        n=$((n + 1))
    done <<END
expect-head; 101; expect 5; send "$evil"; hang
expect-head; send "HTTP/1.1 101 $evil\\r\\nUpgrade: $evil\\r\\n\\r\\n"; hang
expect-head; send "HTTP/1.1 403 $evil\\r\\nContent-Length: 0\\r\\n\\r\\n"; hang
expect-head; send "$evil\\r\\n\\r\\n"; hang
cert evil san=dns:a\\x1b[2J\\x07\\x0a\\xff.test; expect-head; 101; tls cert=evil; options-answer; serve
cert evil cn=\\x1b[2J\\x07\\x0a issuer=self san=dns:localhost; expect-head; 101; tls cert=evil; options-answer; serve
END
    [ "$n" = 6 ]
}

@test "so is what the machine says: a program's path, a policy's path, a name that was resolved" {
    local evil=$'a\e[2J\a\n"b\x9b'
    new_origin 'expect-head; send "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"; hang'
    policy 'localhost:PORT verify ca=CA audit=AUDIT'
    mkdir "$TMP/$evil"
    mv "$ORIGIN_DIR/policy.conf" "$TMP/$evil/$evil.conf"
    cp "$BATS_FILE_TMPDIR/dial" "$TMP/$evil/$evil"
    tlsup_run -p "$TMP/$evil/$evil.conf" -- "$TMP/$evil/$evil" localhost "$ORIGIN_PORT" <"$ORIGIN_DIR/request" \
        >"$ORIGIN_DIR/calls" 2>"$ORIGIN_DIR/stderr.program" || true
    grep -qx 'send EACCES' "$ORIGIN_DIR/calls"
    no_escapes "$ORIGIN_DIR/stderr.program" "$ORIGIN_DIR/audit"
    [ "$(wc -l <"$ORIGIN_DIR/stderr.program")" = 1 ]
    [[ $(jq -r .exe "$ORIGIN_DIR/audit") == *$'a\e[2J\a\n"b'* ]] # JSON, so that nothing is lost
    assert_no_clear "$CANARY"
}
