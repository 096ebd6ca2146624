# SPDX-License-Identifier: MIT
# Every level against every kind of server: what the program sees, what the person is told, what the record says, and
# that nothing of the request leaves unless the policy lets it. tests/data/levels.txt is the table.
# shellcheck disable=SC2154 # variables of lib.bash

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
    [[ $(tail -n 1 "$ORIGIN_DIR/calls") == 'close 0' ]] && grep -q '^recv [1-9][0-9]* EOF' "$ORIGIN_DIR/calls" &&
        grep -aq '200 OK' "$ORIGIN_DIR/got" || problem "not served: $(tr '\n' ';' <"$ORIGIN_DIR/calls")"
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
    policy "localhost:PORT $level $(options_at_level)"
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
    local scenario outcomes errno result_type pin client why script n=0 rows=()
    mkdir "$TMP/rows"
    while IFS='|' read -r scenario outcomes errno result_type pin client why script; do
        [[ $scenario && $scenario != \#* ]] || continue
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
