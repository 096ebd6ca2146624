# SPDX-License-Identifier: MIT
# tlsup report: what the records of real connections come to, in every form that logs have, and a policy that they satisfy.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2094 # variables of lib.bash, bats runs every test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY
    POLICY=$TMP/policy.conf
    AUDIT=$TMP/audit.log
    CANARY=canary-$RANDOM-$RANDOM
}

report() {
    run "$BUILD/tlsup" report "$@"
}

# record ACTION [FIELD VALUE...]: one as the shim writes it
record() {
    jq -nc '{time: "2026-11-24T10:00:00.000001Z", event: "decision", id: "00", pid: 1, uid: 0, exe: "/usr/bin/curl",
        destination: "192.0.2.1:80", names: [{name: "api.test", source: "host"}], policy: "/p", rule: "/p:1",
        policy_digest: "00", level: "verify", mode: "enforce", action: $action, result_type: "success"} + $ARGS.named' \
        --arg action "$1" "${@:2}" | jq -c 'del(.action) + {action: .action}'
}

# three servers: one good, one whose certificate nobody vouches for, one without TLS
servers() {
    mkdir "$TMP/good" "$TMP/bad" "$TMP/old"
    start_origin --dir "$TMP/good"
    GOOD=$ORIGIN_PORT
    start_origin --dir "$TMP/bad"
    BAD=$ORIGIN_PORT
    start_origin --dir "$TMP/old" --no-upgrade
    OLD=$ORIGIN_PORT
}

# fetch PORT
fetch() {
    tlsup_run -p "$POLICY" -- curl -sS -o /dev/null -H "X-Canary: $CANARY" "http://localhost:$1/"
}

@test "what is seen in testing becomes a policy that holds, enforced" {
    servers
    printf '%s\n' "defaults - mode=testing audit=$AUDIT try=upgrade" "localhost:$GOOD verify ca=$TMP/good/ca.pem" \
        "localhost:$BAD,$OLD verify ca=$TMP/good/ca.pem" >"$POLICY"
    for port in "$GOOD" "$GOOD" "$BAD" "$OLD"; do fetch "$port"; done

    report "$AUDIT"
    [ "$status" -eq 0 ]
    [[ $output == *"http://localhost:$GOOD  2 connections, 20"* ]]
    [[ $output == *$'  upgraded 1, would be blocked 1\n  certificate-not-trusted 1: '* ]]
    [[ $output == *$'  allowed-plain 1, would be blocked 1\n  starttls-not-supported 1: the server answered'* ]]
    [[ $output == *"/curl 2"* ]]
    [[ $output == *"last under $POLICY:2 (verify, testing)"* ]]
    [ "${lines[-1]}" = '4 connections to 3 destinations: 0 blocked, 2 would be' ]

    run -0 --separate-stderr "$BUILD/tlsup" report --suggest -p "$POLICY" "$AUDIT"
    echo "$output" >"$TMP/suggested.conf"
    grep -qE "^localhost:$GOOD +verify min-tls=1.3 try=upgrade ca=$TMP/good/ca.pem audit=" "$TMP/suggested.conf"
    grep -qE "^localhost:$BAD +fingerprint pin=sha256//[A-Za-z0-9+/]{43}= min-tls=1.3 " "$TMP/suggested.conf"
    grep -qE "^localhost:$OLD +may " "$TMP/suggested.conf"
    [ "$(grep -c '^# [0-9]* connection' "$TMP/suggested.conf")" -eq 3 ]
    run -0 "$BUILD/tlsup" check "$TMP/suggested.conf"

    # nobody tests any more, and all of it passes
    CANARY=canary-enforced-$RANDOM
    POLICY=$TMP/suggested.conf
    for port in "$GOOD" "$BAD" "$OLD"; do fetch "$port"; done
    for ORIGIN_DIR in "$TMP/good" "$TMP/bad"; do
        assert_no_clear "$CANARY"
        assert_inside "$CANARY"
    done
    report --json "$AUDIT"
    [ "$(jq '[.destinations[].would_block] | add' <<<"$output")" -eq 2 ]
    [ "$(jq '[.destinations[].blocked] | add' <<<"$output")" -eq 0 ]
}

@test "files, standard input, syslog lines and the journal's JSON say the same" {
    start_origin
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$AUDIT" >"$POLICY"
    fetch "$ORIGIN_PORT"
    fetch "$ORIGIN_PORT"
    assert_no_clear "$CANARY"
    report --json "$AUDIT"
    jq -e '.records == 4 and .damaged == 0 and .others == 0 and .destinations[0].connections == 2' <<<"$output"
    want=$(jq -S 'del(.others)' <<<"$output")
    same() { # OTHERS: of what is on standard input
        run --separate-stderr "$BUILD/tlsup" report --json
        [ "$status" -eq 0 ]
        [ "$(jq .others <<<"$output")" = "$1" ]
        diff <(echo "$want") <(jq -S 'del(.others)' <<<"$output")
    }
    same 0 <"$AUDIT"
    same 1 < <(echo 'Nov 24 10:00:00 host sshd[1]: hello'; sed 's/^/Nov 24 10:00:00 host tlsup[77]: /' "$AUDIT")
    same 2 < <(echo '-- Journal begins at Tue 2026-11-24 --'; jq -Rc '{__CURSOR: "s=1;i={", _PID: "7", MESSAGE: ., PRIORITY: "6"}' "$AUDIT"
        echo '{"_PID":"8","MESSAGE":"{\"level\":30}"}')
    same 0 < <(jq -Rc '{MESSAGE: ., _X: [1, {"a": null}]}' "$AUDIT")
    same 0 < <(sed 's/$/\r/' "$AUDIT")
    report --json "$AUDIT" - <"$AUDIT"
    [ "$(jq .destinations[0].connections <<<"$output")" -eq 4 ]
}

@test "damaged lines are left out and counted" {
    line=$(record upgraded)
    for ((i = ${#line} - 1; i > 12; i -= 7)); do echo "${line:0:i}"; done >"$TMP/cut"
    n=$(wc -l <"$TMP/cut")
    {
        echo "$line"
        cat "$TMP/cut"
        echo "${line/upgraded/up\\graded}" # no such escape
        echo "${line/2026-11-24/2026-1x-24}"
        echo "${line/192.0.2.1:80/192.0.2.1}"
        echo "${line/decision/other}"
        echo "$line$line"
        printf '%s\0%s\n' "${line:0:100}" "${line:100}"
        jq -Rc '{MESSAGE: .[0:90]}' <<<"$line"
        jq -Rc '{MESSAGE: .}' <<<"$line" | cut -c 1-80
        head -c 3000000 /dev/zero | tr '\0' x
        echo
        head -c 20000 /dev/urandom | tr -d '\n{'
        echo
        echo "$line" | head -c 200 # and the file ends in its midst
    } >"$AUDIT"
    report --json "$AUDIT"
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.records, .damaged, .others]' <<<"$output")" = "[1,$((n + 10)),1]" ] || { echo "$output" >&2; false; }
    report "$AUDIT"
    [[ $output == *"$((n + 10)) damaged lines were left out"* ]]
}

@test "text from the network cannot write to the terminal, nor forge a line of a policy" {
    record blocked --arg result_type validation-failure --arg reason $'\e[2J\\x07' --arg exe $'/tmp/\x07b' >"$AUDIT"
    sed 's/api.test/a\\u001b[1m\\nb none/' "$AUDIT" >>"$AUDIT.2"
    report "$AUDIT" "$AUDIT.2"
    [ "$status" -eq 0 ]
    grep -qF '\x1b[2J\x07' <<<"$output" || { echo "$output" >&2; false; } # what the record escaped is left alone
    run ! grep -q $'[\e\a]' <<<"$output"
    run -0 "$BUILD/tlsup" report --suggest "$AUDIT.2"
    [[ $output == *'a destination whose name cannot stand in a policy was left out'* ]]
    run ! grep -q $'[\e]\|^b none' <<<"$output"
}

@test "--suggest: the evidence decides" {
    key1=$(printf '%064d' 1) key2=$(printf '%064d' 2)
    suggests() { # LINE, of the records on standard input
        run --separate-stderr "$BUILD/tlsup" report --suggest
        [ "$status" -eq 0 ] || { echo "$output $stderr" >&2; return 1; }
        grep -qE -- "^api.test:80 +$1\$" <<<"$output" || { echo "no '$1' in: $output" >&2; return 1; }
        "$BUILD/tlsup" check <(echo "$output") || true
    }
    local tls12=(--arg tls_version TLSv1.2) tls13=(--arg tls_version TLSv1.3)
    suggests 'verify' < <(record upgraded "${tls12[@]}"; record upgraded "${tls13[@]}")
    suggests 'verify min-tls=1.3' < <(record upgraded "${tls13[@]}")
    # secure names a rule that is not at hand
    suggests 'verify' < <(record upgraded --arg level secure)
    suggests "fingerprint pin=sha256//A{42}E= pin=sha256//A{42}I=" < <(record upgraded --arg level encrypt --arg peer_spki_sha256 "$key1"
        record upgraded --arg peer_spki_sha256 "$key2")
    suggests encrypt < <(record upgraded --arg level may)
    suggests encrypt < <(for i in 1 2 3 4 5; do record upgraded --arg level encrypt --arg peer_spki_sha256 "$(printf '%064d' "$i")"; done)
    suggests may < <(record upgraded; record allowed-plain --arg result_type starttls-not-supported --arg would block --arg mode testing)
    suggests none < <(record upgraded; record allowed-plain --arg result_type tlsup-response-injection --arg would block)
    suggests verify < <(record upgraded; record blocked --arg result_type starttls-not-supported)
    suggests reject < <(record blocked --arg level reject --arg result_type tlsup-rejected)
    # the address of a host that was also dialled by its number
    run --separate-stderr "$BUILD/tlsup" report --suggest < <(record allowed-plain --arg result_type starttls-not-supported
        record upgraded --arg peer_spki_sha256 "$key1" --arg level encrypt | jq -c 'del(.names)')
    [[ $output == *'# caution: api.test at 192.0.2.1 would get fingerprint'* ]]
}

@test "--suggest: what the rule said stays, where the policy is the same still" {
    printf '%s\n' '# x' 'defaults - timeout=7 audit=none' 'api.test secure match=other.test min-tls=1.3' '* verify' >"$POLICY"
    digest=$("$BUILD/tlsup" explain --json -p "$POLICY" http://api.test | jq -r '.. | strings | select(test("^[0-9a-f]{64}$"))' | head -n 1)
    record upgraded --arg level secure --arg rule "$POLICY:3" --arg policy_digest "$digest" >"$AUDIT"
    run -0 --separate-stderr "$BUILD/tlsup" report --suggest -p "$POLICY" "$AUDIT"
    line=$(grep '^api.test:80' <<<"$output")
    for word in secure match=other.test min-tls=1.3 timeout=7 audit=none; do [[ " $line " == *" $word "* ]]; done
    echo '# changed' >>"$POLICY"
    run -0 --separate-stderr "$BUILD/tlsup" report --suggest -p "$POLICY" "$AUDIT"
    [[ $output == *'# its rule is not in the policy that is in force: ca= and the like may be missing'* ]]
}

@test "--prometheus: metrics that its text format allows" {
    {
        record upgraded
        record blocked --arg result_type starttls-not-supported --argjson lost 3
        record upgraded | sed 's/api.test/a\\"b\\\\c/'
        echo '{"time":"'
    } >"$AUDIT"
    report --prometheus "$AUDIT"
    [ "$status" -eq 0 ]
    grep -qxF 'tlsup_connections_total{destination="api.test:80",action="upgraded"} 1' <<<"$output"
    grep -qxF 'tlsup_results_total{destination="api.test:80",result_type="starttls-not-supported"} 1' <<<"$output"
    grep -qxF 'tlsup_connections_total{destination="a\"b\\c:80",action="upgraded"} 1' <<<"$output"
    grep -qxF "tlsup_last_seen_timestamp_seconds{destination=\"api.test:80\"} $(date -u -d '2026-11-24 10:00' +%s)" <<<"$output"
    grep -qxF 'tlsup_records_damaged_total 1' <<<"$output"
    grep -qxF 'tlsup_records_lost_total 3' <<<"$output"
    run ! grep -vE '^# (HELP|TYPE) tlsup_[a-z_]+ .+$|^tlsup_[a-z_]+(\{([a-z_]+="([^"\\]|\\["\\n])*",?)+\})? [0-9]+$' <<<"$output"
    # each metric is described once, before its samples, and the samples are together
    awk '/^# TYPE/ { if (seen[$3]++) exit 1; metric = $3 } !/^#/ { name = $1; sub(/\{.*/, "", name); if (name != metric) exit 1 }' <<<"$output"
}

@test "a long input shows how far it is, on a terminal and nowhere else" {
    command -v script >/dev/null
    record upgraded >"$AUDIT"
    slowly="(cat '$AUDIT'; sleep 0.7; cat '$AUDIT'; sleep 0.2) | '$BUILD/tlsup' report"
    script -qec "$slowly" /dev/null >"$TMP/terminal" </dev/null
    grep -q $'\r0 MB, 2 records' "$TMP/terminal"
    grep -q '2 connections to 1 destination' "$TMP/terminal"
    run --separate-stderr bash -c "$slowly"
    [ -z "$stderr" ]
}

@test "what cannot be read is told, the rest is counted" {
    record upgraded >"$AUDIT"
    run --separate-stderr "$BUILD/tlsup" report /nowhere "$AUDIT" "$TMP"
    [ "$status" -eq 1 ]
    [[ $stderr == *'tlsup report: /nowhere: No such file or directory'* ]]
    [[ $stderr == *"tlsup report: $TMP: Is a directory"* ]]
    [[ $output == *'1 connection to 1 destination'* ]]
    report --json --suggest "$AUDIT"
    [ "$status" -eq 2 ]
    report --nonsense
    [ "$status" -eq 2 ]
    report /dev/null
    [ "$status" -eq 0 ]
    [ "$output" = '0 connections to 0 destinations: 0 blocked, 0 would be' ]
}
