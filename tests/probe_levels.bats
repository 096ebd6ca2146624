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
    policy "localhost:PORT verify ca=CA match=localhost pin=$(pin_of "${pin#+}")$ways"
    "$BUILD/tlsup" probe --json -p "$ORIGIN_DIR/policy.conf" \
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
    local scenario outcomes errno type pin client why script ways='' field n=0 rows=()
    mkdir "$TMP/rows"
    while IFS='|' read -r scenario outcomes errno type pin client why script; do
        if [[ $scenario == @* ]]; then
            ways=${scenario#@}
            continue
        fi
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

# shim LEVEL OPTIONS: what curl comes to, as "action strategy errno reason" like foretold's
shim() {
    printf '%s\n' "localhost:$ORIGIN_PORT $1 audit=$TMP/audit timeout=5 $2" >"$TMP/shim.conf"
    rm -f "$TMP/audit"
    tlsup_run -p "$TMP/shim.conf" -- curl -sS -m 10 --noproxy '*' -H "X-Canary: $1-4711" -o "$TMP/got" \
        "http://localhost:$ORIGIN_PORT/" 2>"$TMP/stderr" || true
    jq -r 'select(.event == "decision")
        | [{"upgraded": "tls", "allowed-plain": "plain", "blocked": "refused"}[.action],
           if .action == "upgraded" then .strategy else "-" end, .errno // "-", .reason // "-"] | join(" ")' "$TMP/audit"
}

foretold() {
    json ".levels[] | select(.level == \"$1\") | [.action, .strategy // \"-\", .errno // \"-\", .reason // \"-\"] | join(\" \")"
}

# each_level PIN [OPTION]: probe and shim agree, and the request crosses as they say
each_level() {
    local level options want
    printf '%s\n' "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA match=localhost pin=$(pin_of "$1") timeout=5 ${2-}" \
        >"$TMP/policy.conf"
    run "$BUILD/tlsup" probe --json -p "$TMP/policy.conf" "http://localhost:$ORIGIN_PORT/"
    for level in may encrypt fingerprint verify secure; do
        options=${2-}
        case $level in
            fingerprint) options+=" pin=$(pin_of "$1")" ;;
            verify | secure) options+=" ca=$ORIGIN_CA match=localhost pin=$(pin_of "$1")" ;;
        esac
        want=$(foretold "$level")
        [ "$(shim "$level" "$options")" = "$want" ] || {
            echo "$level: $(shim "$level" "$options") is not $want" >&2
            return 1
        }
        case $want in
            tls*) assert_inside "$level-4711" && assert_no_clear "$level-4711" ;;
            plain*) assert_clear "$level-4711" ;;
            *) assert_no_clear "$level-4711" ;;
        esac
    done
}

@test "each level over TLS from the first byte is foretold" {
    local cert
    for cert in good other expired untrusted; do
        start_origin --no-upgrade --cert "$cert"
        each_level "$cert" "implicit-port=$ORIGIN_TLS_PORT"
        [ "$(json '.levels[1].strategy')" = implicit ]
        stop_origin
    done
}

@test "each level where the port of http is closed is foretold" {
    start_origin
    ORIGIN_PORT=1
    each_level good "implicit-port=$ORIGIN_TLS_PORT"
    [ "$(foretold secure)" = 'tls implicit - -' ]
    is '.levels[0] | [.action, .errno] | join(" ")' 'unreachable ECONNREFUSED'
    is '.fits_best.level' secure # nobody said --ca: the rule's authority is asked too
}

@test "each level where no way leads to TLS is foretold, with every reason" {
    start_origin --no-upgrade
    each_level good
    [ "$(foretold verify)" = 'refused - EACCES upgrade: the server answered 200 to the upgrade to TLS; implicit: the '\
'server does not speak TLS: it sent "HTTP/1.1 400 Bad Request"' ]
    each_level good try=upgrade
}

@test "each level where the first way is silent is foretold" {
    printf '%s\n' 'on plain:' expect-head hang 'on tls:' tls serve >"$TMP/script"
    start_origin --script "$TMP/script"
    printf '%s\n' "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA implicit-port=$ORIGIN_TLS_PORT" >"$TMP/policy.conf"
    probe -p "$TMP/policy.conf" --json "http://localhost:$ORIGIN_PORT/"
    is '.strategies | map(.result) | join(" ")' 'silent works'
    [ "$(shim verify "ca=$ORIGIN_CA implicit-port=$ORIGIN_TLS_PORT")" = "$(foretold verify)" ]
    assert_inside verify-4711
    assert_no_clear verify-4711
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
    probe_origin --ca "$ORIGIN_CA" --json
    is '.fits_best.lines[]' \
        "localhost:$ORIGIN_PORT  secure  try=implicit  implicit-port=$ORIGIN_TLS_PORT  match=localhost  ca=$ORIGIN_CA"
    follows upgraded
    assert_inside upgraded-4711
    assert_no_clear upgraded-4711
    [ "$(grep -c ' clear OPTIONS' "$ORIGIN_DIR/events.log")" = 1 ] # the probe's: with that line nothing is asked first
    probe --json "http://localhost:$ORIGIN_PORT"
    follows allowed-plain
    assert_clear allowed-plain-4711
}

@test "the rule in force: which line, and what its options mean" {
    printf '%s\n' 'on plain:' expect-head 101 'tls max=1.2' options-answer serve >"$TMP/script"
    start_origin --script "$TMP/script"
    printf '%s\n' "defaults - ca=$ORIGIN_CA implicit-port=$ORIGIN_TLS_PORT" \
        "localhost:$ORIGIN_PORT may mode=testing" >"$TMP/policy.conf"
    probe -p "$TMP/policy.conf" "http://localhost:$ORIGIN_PORT/"
    grep -Fxq "policy: $TMP/policy.conf:2 (localhost:$ORIGIN_PORT) says may; with its options, enforced, each level would give" \
        <<<"$output"
    says '* may upgrade'
    says 'verify upgrade' # by the authority that the defaults line would give it
    says 'fingerprint incomplete: the rule has no pin='
    says "yes, by $ORIGIN_CA"
    sed -i 's/may.*/& min-tls=1.3 try=upgrade/' "$TMP/policy.conf"
    probe -p "$TMP/policy.conf" --json "http://localhost:$ORIGIN_PORT/"
    is '.levels[] | select(.level == "encrypt") | [.action, .errno, .reason] | join(" ")' \
        'refused EACCES the server has no TLS 1.3, which min-tls= asks for'
    is '.rule | join(" ")' "2 localhost:$ORIGIN_PORT testing"
    is .level may
    is "$(strategy upgrade) .tls.version" TLSv1.2
}
