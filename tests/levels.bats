# SPDX-License-Identifier: MIT
# Every level against every kind of server: what the program sees, what the person is told, what the record says, and
# that nothing of the request leaves unless the policy lets it. tests/data/levels.txt is the table.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
BATS_TEST_TIMEOUT=120
LEVELS=(may encrypt fingerprint verify secure) # the columns of the table
AT_ONCE=4                                      # rows that run side by side: most of their time is waiting

# ---- one row: PROBLEMS collects what is wrong --------------------------------------------------------------------

problem() {
    PROBLEMS+="    $*"$'\n'
}

# same WHAT GOT WANTED
same() {
    [[ $2 == "$3" ]] || problem "$1: '${2//$'\n'/; }' instead of '${3//$'\n'/; }'"
}

# The response came, in TLS or in the clear
check_served() {
    if [[ $(tail -n 1 "$ORIGIN_DIR/calls") != 'close 0' ]] || ! grep -aq '200 OK' "$ORIGIN_DIR/got" ||
        ! grep -q '^recv [1-9][0-9]* EOF' "$ORIGIN_DIR/calls"; then
        problem "not served: $(tr '\n' ';' <"$ORIGIN_DIR/calls")"
    fi
    same stderr "$(<"$ORIGIN_DIR/stderr.program")" ''
    if [[ $1 == tls ]]; then
        assert_no_clear "$CANARY" 2>/dev/null || problem 'the request crossed in the clear'
        assert_inside "$CANARY" 2>/dev/null || problem 'the request did not cross inside TLS'
    else
        assert_clear "$CANARY" 2>/dev/null || problem 'the request did not cross in the clear'
    fi
}

check_denied() {
    local call=send
    [[ $client != -l ]] || call='recv 0'
    same calls "$(<"$ORIGIN_DIR/calls")" "$(refused_calls "$call" "$errno")"
    same stderr "$(<"$ORIGIN_DIR/stderr.program")" "tlsup: refused http://localhost:$ORIGIN_PORT: $(reason) \
(policy.conf:1 $level); tlsup explain http://localhost:$ORIGIN_PORT"
    ! grep -aFq "$CANARY" "$ORIGIN_DIR"/{clear,inside}.log || problem 'the request left'
}

check_record() {
    same record "$(decisions)" "$1"
    if [[ $why ]]; then
        [[ $(reason) =~ ^($why)$ ]] || problem "reason: '$(reason)' does not match '$why'"
    fi
    same rule "$(jq -r 'select(.event == "decision") | .rule' "$ORIGIN_DIR/audit")" "$ORIGIN_DIR/policy.conf:1"
}

# check OUTCOME: action result_type errno would and where the request went follow from it
check() {
    local outcome=$1 type=$result_type
    case $outcome in
        tls) check_served tls && why='' check_record "upgraded success - $level $mode -" ;;
        plain) check_served clear && check_record "allowed-plain $type - $level $mode -" ;;
        here) check_served clear && why='' check_record "allowed-plain success - $level $mode -" ;;
        deny) check_denied && check_record "blocked $type $errno $level $mode -" ;;
        would-tls) check_served tls && check_record "upgraded $type - $level $mode block" ;;
        would-*) check_served clear && check_record "allowed-plain $type - $level $mode block" ;;
    esac
    case $outcome in
        plain | would-plain) same connections "$(connections)" 2 ;;
        *) same connections "$(connections)" 1 ;;
    esac
}

# What testing makes of an outcome (DESIGN section 4): a wrong certificate keeps TLS, anything else ends in the clear
in_testing() {
    case $1:$result_type:$client in
        deny:certificate-*:* | deny:tlsup-fingerprint-*:*) echo would-tls ;;
        deny:*:-[lw]*) echo would-here ;; # nothing of ours was sent: the connection is clean
        deny:*) echo would-plain ;;
        *) echo "$1" ;;
    esac
}

options_at_level() {
    printf 'audit=AUDIT mode=%s timeout=%s' "$mode" "$([[ $errno == ETIMEDOUT ]] && echo 1 || echo 10)"
    case $level in
        fingerprint) printf ' pin=%s' "$(<"$ORIGIN_DIR/${pin#+}.pin")" ;;
        verify | secure)
            printf ' ca=CA'
            [[ $level != secure ]] || printf ' match=localhost' # localhost is more than a name
            [[ $pin != +* ]] || printf ' pin=%s' "$(<"$ORIGIN_DIR/${pin#+}.pin")"
            ;;
    esac
}

# row OUTCOME, with the fields of the line in variables: 1 and the problems on stdout, or 0
row() {
    PROBLEMS=''
    PIDS=()
    new_origin "$script"
    policy "localhost:PORT $level $(options_at_level)$ways"
    # shellcheck disable=SC2086 # options
    dial $client
    check "$1"
    stop_origin || problem 'the origin complained'
    [[ -z $PROBLEMS ]] || printf '%s at %s, %s:\n%s' "$scenario" "$level" "$mode" "$PROBLEMS"
}

# ---- the table ---------------------------------------------------------------------------------------------------

trim() {
    local text=$1
    text=${text#"${text%%[![:space:]]*}"}
    printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# each_row COMMAND: runs it for each line, with the fields in variables; a few side by side
each_row() {
    local scenario outcomes errno result_type pin client why script ways='' n=0 rows=()
    mkdir "$TMP/rows"
    while IFS='|' read -r scenario outcomes errno result_type pin client why script; do
        [[ $scenario && $scenario != \#* ]] || continue
        if [[ $scenario == @* ]]; then
            ways=${scenario#@}
            continue
        fi
        [[ -z ${BELOW:-} || $scenario != spoke-already* ]] || continue # what came a moment later was not there
        [[ ${ONLY:-$scenario} == "${scenario%% *}" || -z ${ONLY:-} ]] || continue
        for field in scenario errno result_type pin client why script; do
            printf -v "$field" %s "$(trim "${!field}")"
        done
        n=$((n + 1))
        { set +eE; trap - ERR; "$@" "$outcomes"; echo ran >"$TMP/rows/$n.ran"; } >"$TMP/rows/$n" 2>&1 3>&- &
        rows+=($!)
        ((n < AT_ONCE)) || wait "${rows[n - AT_ONCE]}" || true
    done <"$BATS_TEST_DIRNAME/data/levels.txt"
    wait "${rows[@]}" || true
    [[ $n -gt 0 && $(cat "$TMP"/rows/*.ran | grep -c ran) == "$n" ]]
    cat "$TMP"/rows/*[0-9] >"$TMP/problems"
    cat "$TMP/problems"
    [[ ! -s $TMP/problems ]]
}

# at LEVEL MODE: every line
at() {
    local level=$1 mode=$2
    each_row row_at
}

row_at() {
    local column words
    read -ra words <<<"$1"
    for column in "${!LEVELS[@]}"; do
        [[ ${LEVELS[column]} == "$level" ]] || continue
        if [[ $mode == enforce ]]; then
            row "${words[column]}"
        else
            row "$(in_testing "${words[column]}")"
        fi
    done
}

@test "may against every server" { at may enforce; }
@test "encrypt against every server" { at encrypt enforce; }
@test "fingerprint against every server" { at fingerprint enforce; }
@test "verify against every server" { at verify enforce; }
@test "secure against every server" { at secure enforce; }
@test "may in testing" { at may testing; }
@test "encrypt in testing" { at encrypt testing; }
@test "fingerprint in testing" { at fingerprint testing; }
@test "verify in testing" { at verify testing; }
@test "secure in testing" { at secure testing; }

# ---- the levels that negotiate nothing ---------------------------------------------------------------------------

@test "none: left alone, with one record" {
    new_origin honest
    policy 'localhost:PORT none audit=AUDIT'
    dial
    assert_plain 'bypass success - none'
    run ! grep -q OPTIONS "$ORIGIN_DIR/events.log"
}

@test "no line for the port: left alone, without a record" {
    new_origin honest
    policy "defaults - audit=AUDIT" 'localhost:1 verify'
    dial
    grep -q '^recv [1-9][0-9]* EOF' "$ORIGIN_DIR/calls"
    assert_clear "$CANARY"
    [ ! -e "$ORIGIN_DIR/audit" ]
}

@test "reject: connect fails, and no connection is made" {
    new_origin honest
    policy 'localhost:PORT reject audit=AUDIT'
    dial
    [ "$(calls)" = 'connect EACCES' ]
    [[ $(decisions) == 'blocked tlsup-rejected EACCES reject enforce -' ]]
    [ "$(reason)" = 'the policy rejects this destination' ]
    [ "$(<"$ORIGIN_DIR/stderr.program")" = "tlsup: refused http://localhost:$ORIGIN_PORT: the policy rejects this \
destination (policy.conf:1 reject); tlsup explain http://localhost:$ORIGIN_PORT" ]
    run ! grep -q accept "$ORIGIN_DIR/events.log"
}

@test "reject by a name that only the head shows" {
    new_origin honest
    policy 'srv.test:PORT reject audit=AUDIT' '127.0.0.1:PORT may audit=AUDIT'
    request 'GET / HTTP/1.1' 'Host: srv.test'
    HOST=127.0.0.1 dial
    assert_refused EACCES tlsup-rejected 'the policy rejects this destination'
}

@test "reject in testing connects" {
    new_origin honest
    policy 'localhost:PORT reject mode=testing audit=AUDIT'
    dial
    [ "$(decisions)" = 'allowed-plain tlsup-rejected - reject testing block' ]
    assert_clear "$CANARY"
    grep -q '^recv [1-9][0-9]* EOF' "$ORIGIN_DIR/calls"
}

# ---- no usable policy --------------------------------------------------------------------------------------------

# dial_port PORT: under TLSUP_POLICY of the environment, stdout and stderr together
dial_port() {
    tlsup_run -- "$BATS_FILE_TMPDIR/dial" 127.0.0.1 "$1" </dev/null 2>&1
}

# assert_no_policy WHY PORT...: each is refused at connect, and the message says why
assert_no_policy() {
    local why=$1 port
    shift
    for port; do
        run -1 dial_port "$port"
        grep -Fxq 'connect EACCES' <<<"$output"
        grep -Eq "^tlsup: refused http://127\.0\.0\.1:$port: no usable policy: .*$why.*; tlsup check$" <<<"$output"
    done
}

@test "a policy with an error: port 80 and the ports in its text are refused" {
    start_origin
    printf '%s\n' 'localhost:81,8081 verify' '# [::1]:82' 'srv.test:83 verfy' >"$TMP/policy.conf"
    export TLSUP_POLICY=$TMP/policy.conf
    assert_no_policy "policy\.conf:3:13: .*verfy.*" 80 81 8081 82 83
    run -0 tlsup_run -- curl -sS --noproxy '*' "http://127.0.0.1:$ORIGIN_PORT/bytes/1" # in no line
}

@test "a policy that others may write is none" {
    echo 'localhost none' >"$TMP/policy.conf"
    export TLSUP_POLICY=$TMP/policy.conf
    chmod 664 "$TMP/policy.conf"
    assert_no_policy 'policy\.conf: .*writ.*' 80
    chmod 646 "$TMP/policy.conf"
    assert_no_policy 'policy\.conf: .*writ.*' 80
}

@test "a policy of another owner is none" {
    [ "$(id -u)" = 0 ] || skip 'needs root'
    echo 'localhost none' >"$TMP/policy.conf"
    chown nobody "$TMP/policy.conf"
    export TLSUP_POLICY=$TMP/policy.conf
    assert_no_policy 'policy\.conf: .*own.*' 80
}

@test "a policy that cannot be read: the ports where HTTP is usual are refused" {
    export TLSUP_POLICY=$TMP/missing.conf
    assert_no_policy 'missing\.conf.*' 80 631 3128 8080
    mkdir "$TMP/directory"
    export TLSUP_POLICY=$TMP/directory
    assert_no_policy 'directory.*' 80 631 3128 8080
}

@test "a policy that is a symbolic link is none" {
    echo 'localhost none' >"$TMP/policy.conf"
    ln -s policy.conf "$TMP/link.conf"
    export TLSUP_POLICY=$TMP/link.conf
    assert_no_policy 'link\.conf.*' 80
}

# ---- no engine ---------------------------------------------------------------------------------------------------

# A build without its engine, or with a FILE in its place
build_without_engine() {
    mkdir "$TMP/build"
    cp "$BUILD"/{tlsup,libtlsup.so,libtlsup-relay} "$TMP/build/"
    cp "$BUILD/origin" "$TMP/build/"
    [[ ! ${1-} ]] || cp "$1" "$TMP/build/libtlsup-tls.so"
    BUILD=$TMP/build
}

@test "without the engine: verify refuses, may goes on in the clear" {
    build_without_engine
    new_origin honest
    policy 'localhost:PORT verify audit=AUDIT'
    dial
    assert_refused ELIBACC tlsup-engine 'the engine cannot be loaded: .*libtlsup-tls\.so.*'
    stop_origin
    new_origin honest
    policy 'localhost:PORT may audit=AUDIT'
    dial
    assert_plain 'allowed-plain tlsup-engine - may enforce -'
}

@test "something else in the engine's place" {
    build_without_engine /bin/true
    new_origin honest
    policy 'localhost:PORT verify audit=AUDIT'
    dial
    assert_refused ELIBACC tlsup-engine 'the engine .*'
}

@test "a file of the rule that is missing or wrong" {
    local file
    echo nonsense >"$TMP/nonsense.pem"
    for file in "$TMP/missing.pem" "$TMP/nonsense.pem" "$TMP"; do
        new_origin honest
        policy "localhost:PORT verify ca=$file audit=AUDIT"
        dial
        assert_refused EACCES tlsup-policy-invalid ".*$(basename "$file").*"
        stop_origin
    done
}

# ---- again, at once ----------------------------------------------------------------------------------------------

@test "a destination that refused is not asked again for a second" {
    local refuse='expect-head; send "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"; fin'
    new_origin "$refuse"
    policy 'localhost:PORT verify ca=CA audit=AUDIT'
    run tlsup_run -p "$ORIGIN_DIR/policy.conf" -- curl -sS -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/1" \
        "http://localhost:$ORIGIN_PORT/2"
    [ "$(grep -c OPTIONS "$ORIGIN_DIR/events.log")" = 1 ]
    [ "$(decisions | uniq -c | sed 's/^ *//')" = '2 blocked starttls-not-supported EACCES verify enforce -' ]
    assert_no_clear "$CANARY"
}

# ---- through a program's own words -------------------------------------------------------------------------------

@test "curl says why" {
    local line scenario steps text n=0
    while IFS='|' read -r scenario steps text; do
        new_origin "$steps"
        policy 'localhost:PORT verify ca=CA audit=AUDIT timeout=1'
        run tlsup_run -p "$ORIGIN_DIR/policy.conf" -- curl -sS --noproxy '*' -m 10 -H "X-Canary: $CANARY" \
            "http://localhost:$ORIGIN_PORT/"
        [ "$status" -eq 55 ] || [ "$status" -eq 56 ]
        grep -Eq "^curl: \(5[56]\) .*$text" <<<"$output"
        [ "$(grep -c '^tlsup: refused' <<<"$output")" = 1 ]
        assert_no_clear "$CANARY"
        stop_origin
        n=$((n + 1))
    done <<'END'
refused|expect-head; send "HTTP/1.1 400 Bad Request\r\n\r\n"; fin|Permission denied
wrong name|expect-head; 101; tls cert=other; options-answer; serve|Key was rejected by service
expired|expect-head; 101; tls cert=expired; options-answer; serve|Key has expired
tampered|expect-head; cork; 101; send "HTTP/1.1 200 OK\r\n"; uncork; hang|Protocol error
silent|expect-head; hang|Connection timed out
END
    [ "$n" = 5 ]
}
