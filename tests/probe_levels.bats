# SPDX-License-Identifier: MIT
# What tlsup probe foretells is what the shim does: at every level, against every server of tests/data/levels.txt, and
# under the line that it says fits best.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
load probe
AT_ONCE=4 # rows of the table that run side by side: most of their time is waiting

# tells OUTCOMES, with the fields of a line of the table in variables: complains where probe says something else
tells() {
    local got want word
    new_origin "$script"
    policy "localhost:PORT verify ca=CA match=localhost pin=$(pin_of "${pin#+}")"
    "$BUILD/tlsup" probe --json -p "$ORIGIN_DIR/policy.conf" --implicit-port 1 \
        --timeout "$([[ $errno == ETIMEDOUT ]] && echo 1 || echo 10)" "http://localhost:$ORIGIN_PORT" >"$ORIGIN_DIR/out"
    got=$(jq -r '.levels[1:6][] | .action' "$ORIGIN_DIR/out" | sed 's/refused/deny/' | paste -sd ' ')
    [[ $got == "$1" ]] || echo "$scenario: '$got' is not '$1'"
    got=$(jq -r '.levels[1:6][] | select(.action == "refused") | .errno' "$ORIGIN_DIR/out" | sort -u | paste -sd ' ')
    want=''
    [[ $1 != *deny* ]] || want=$errno
    [[ $got == "$want" ]] || echo "$scenario: '$got' is not '$want'"
    if [[ $why ]]; then
        while read -r got; do
            [[ $got =~ ^($why)$ ]] || echo "$scenario: '$got' does not match '$why'"
        done < <(jq -r '.levels[1:6][] | select(.action != "tls") | .reason' "$ORIGIN_DIR/out")
    fi
    stop_origin
}

@test "each level, against every server of tests/data/levels.txt, is foretold" {
    local scenario outcomes errno type pin client why script field n=0 rows=()
    mkdir "$TMP/rows"
    while IFS='|' read -r scenario outcomes errno type pin client why script; do
        for field in scenario outcomes errno pin client why script; do
            read -r "${field?}" <<<"${!field}"
        done
        # a client that waits sees a server that speaks first; probe does not wait
        [[ $scenario && $scenario != \#* && $client != -[lw]* ]] || continue
        n=$((n + 1))
        { set +eE; trap - ERR; PIDS=(); tells "$outcomes"; echo ran >"$TMP/rows/$n.ran"; } >"$TMP/rows/$n" 2>&1 3>&- &
        rows+=($!)
        ((n < AT_ONCE)) || wait "${rows[n - AT_ONCE]}" || true
    done <"$BATS_TEST_DIRNAME/data/levels.txt"
    wait "${rows[@]}" || true
    [[ $n -gt 40 && $(cat "$TMP"/rows/*.ran | grep -c ran) == "$n" ]]
    cat "$TMP"/rows/*[0-9] >"$TMP/problems"
    cat "$TMP/problems"
    [[ ! -s $TMP/problems ]]
}

# follows ACTION: the line that fits best is a policy under which curl comes to that
follows() {
    { echo "defaults - audit=$TMP/audit"; json '.fits_best.lines[]'; } >"$TMP/best.conf"
    "$BUILD/tlsup" check "$TMP/best.conf"
    rm -f "$TMP/audit"
    tlsup_run -p "$TMP/best.conf" -- curl -sS --fail --noproxy '*' -H "X-Canary: $1-4711" "http://localhost:$ORIGIN_PORT/"
    [ "$(jq -r 'select(.event == "decision") | .action' "$TMP/audit")" = "$1" ]
}

@test "the line that fits best does what it says" {
    start_origin
    probe_origin --ca "$ORIGIN_CA" --json
    follows upgraded
    assert_inside upgraded-4711
    assert_no_clear upgraded-4711
    stop_origin
    start_origin --cert expired
    probe_origin --ca "$ORIGIN_CA" --json
    follows upgraded
    assert_inside upgraded-4711
    assert_no_clear upgraded-4711
    stop_origin
    start_origin --no-upgrade
    probe --implicit-port 1 --json "http://localhost:$ORIGIN_PORT"
    follows allowed-plain
    assert_clear allowed-plain-4711
}

@test "the rule in force: which line, and what its options mean" {
    printf '%s\n' 'on plain:' expect-head 101 'tls max=1.2' options-answer serve >"$TMP/script"
    start_origin --script "$TMP/script"
    printf '%s\n' "defaults - ca=$ORIGIN_CA" "localhost:$ORIGIN_PORT may mode=testing" >"$TMP/policy.conf"
    probe_origin -p "$TMP/policy.conf"
    grep -Fxq "policy: $TMP/policy.conf:2 (localhost:$ORIGIN_PORT) says may, in testing; with its options each level would give" \
        <<<"$output"
    says '* may upgrade'
    says 'verify upgrade' # by the authority that the defaults line would give it
    says 'fingerprint incomplete: the rule has no pin='
    says "yes, by $ORIGIN_CA"
    sed -i 's/may.*/& min-tls=1.3/' "$TMP/policy.conf"
    probe_origin -p "$TMP/policy.conf" --json
    is '.levels[] | select(.level == "encrypt") | [.action, .errno, .reason] | join(" ")' \
        'refused EACCES the server has no TLS 1.3, which min-tls= asks for'
    is '.rule | join(" ")' "2 localhost:$ORIGIN_PORT testing"
    is .level may
    is "$(strategy upgrade) .tls.version" TLSv1.2
}
