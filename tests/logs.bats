# SPDX-License-Identifier: MIT
# check: not-sanitized programs are started without the sanitizers' runtime
#
# Where records go on a real machine: systemd's own journald, started by hand in a mount namespace, and logrotate with the
# configuration that README.md shows.
# shellcheck disable=SC2154,SC2016 # variables of lib.bash; what is quoted is for an inner shell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    CANARY=canary-$RANDOM-$RANDOM
}

# block KIND: the first block of README.md that is marked so
block() {
    awk -v mark="\`\`\`$1" '$0 == mark { inside = 1; next } /^```/ && inside { exit } inside' "$ROOT/README.md"
}

# with_journal SCRIPT ARGUMENT...: bash runs it with a journald of its own on /run, where a copy of the build lies that
# everybody can read; journal OPTION... reads what is there. $1 is TMP, the arguments begin with $3.
with_journal() {
    BUILD=$BUILD unshare --mount --propagation private bash -ec '
        mount -t tmpfs -o mode=755 tmpfs /run
        mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal
        printf "%s\n" "[Journal]" Storage=volatile ReadKMsg=no Audit=no RateLimitBurst=0 >/run/systemd/journald.conf.d/here.conf
        /lib/systemd/systemd-journald >/dev/null 2>"$1/journald" 3>&- &
        journald=$!
        trap "kill $journald; wait $journald" EXIT
        for ((i = 0; i < 500; i++)); do [[ ! -S /run/systemd/journal/socket ]] || break; sleep 0.01; done
        journal() {
            journalctl --sync
            journalctl -q --no-pager "$@"
        }
        mkdir /run/here
        cp "$BUILD"/{tlsup,libtlsup*} "$1/policy.conf" /run/here
        eval "$2"' journal "$TMP" "$@"
}

@test "the journal gets fields that journalctl looks for, from root and from others" {
    unshare --mount true 2>/dev/null || skip 'a journald of its own needs root, and mounts'
    start_origin
    local good=$ORIGIN_PORT good_ca=$ORIGIN_CA good_dir=$ORIGIN_DIR
    start_origin --no-upgrade
    printf '%s\n' "localhost:$good verify ca=/run/here/ca.pem" "localhost:$ORIGIN_PORT verify try=upgrade" >"$TMP/policy.conf"
    with_journal '
        cd /run/here
        cp "$6" ca.pem
        get() { ./tlsup run -p policy.conf -- curl -sS -o /dev/null -H "X-Canary: $1" "http://localhost:$2/" || true; }
        get "$3" "$4"
        get "$3" "$5"
        export -f get
        setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "get $3 $5"
        for form in json cat short verbose; do journal -o $form >"$1/$form"; done
        journal -o json TLSUP_ACTION=blocked >"$1/blocked"
        journal -o cat -p warning -t tlsup >"$1/warnings"
        journal -o json TLSUP_NAME=localhost TLSUP_EVENT=close >"$1/closes"
        journal -o json SYSLOG_FACILITY=3 TLSUP_ACTION=upgraded _UID=0 >"$1/upgraded"
        ' "$CANARY" "$good" "$ORIGIN_PORT" "$good_ca" 2>"$TMP/errors" || { cat "$TMP/errors" >&2; false; }
    [ "$(wc -l <"$TMP/blocked")" -eq 2 ] || { cat "$TMP/errors" "$TMP/cat" >&2; false; }
    [ "$(jq -r ._UID "$TMP/blocked" | sort -n | xargs)" = '0 65534' ]
    [ "$(jq -r '[.PRIORITY, .SYSLOG_IDENTIFIER, ._TRANSPORT, .TLSUP_EVENT, .TLSUP_LEVEL, .TLSUP_RULE_LINE, .TLSUP_RESULT_TYPE,
        .TLSUP_ERRNO] | join(" ")' "$TMP/blocked" | uniq)" = '4 tlsup journal decision verify 2 starttls-not-supported EACCES' ]
    [ "$(jq -r .TLSUP_DESTINATION "$TMP/blocked" | grep -c ":$ORIGIN_PORT$")" -eq 2 ]
    [ "$(jq -r .TLSUP_EXE "$TMP/blocked" | grep -c '/curl$')" -eq 2 ]
    # a field and the record say the same
    [ "$(jq -r '.TLSUP_REASON == (.MESSAGE | fromjson | .reason)' "$TMP/blocked" | uniq)" = true ]
    [ "$(wc -l <"$TMP/warnings")" -eq 2 ]
    [ "$(jq -r .action "$TMP/warnings" | uniq)" = blocked ]
    [ "$(wc -l <"$TMP/closes")" -eq 1 ]
    [ "$(jq -r '.TLSUP_EVENT + .TLSUP_TLS_VERSION' "$TMP/upgraded" | xargs)" = 'closeTLSv1.3 decisionTLSv1.3' ] ||
        [ "$(jq -r '.TLSUP_EVENT + .TLSUP_TLS_VERSION' "$TMP/upgraded" | xargs)" = 'decisionTLSv1.3 closeTLSv1.3' ]

    # every form that journalctl has of it is one for tlsup report
    local form want
    want=$("$BUILD/tlsup" report --json "$TMP/cat")
    [ "$(jq -c '[.records, .damaged]' <<<"$want")" = '[4,0]' ]
    for form in json short; do
        diff <(jq -S 'del(.others)' <<<"$want") <("$BUILD/tlsup" report --json <"$TMP/$form" | jq -S 'del(.others)')
    done
    ORIGIN_DIR=$good_dir
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "a journal that is in nobody's hands, or not root's, gets nothing" {
    unshare --mount true 2>/dev/null || skip 'a journald of its own needs root, and mounts'
    start_origin
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA" >"$TMP/policy.conf"
    with_journal '
        get() { /run/here/tlsup run -p /run/here/policy.conf -- curl -sS -o /dev/null -H "X-Canary: $3" "http://localhost:$4/"; }
        chown 65534 /run/systemd/journal/socket
        get "$@"
        chown 0 /run/systemd/journal/socket
        get "$@"
        journal -o json TLSUP_EVENT=decision >"$1/decisions"' "$CANARY" "$ORIGIN_PORT"
    [ "$(wc -l <"$TMP/decisions")" -eq 1 ]
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}
