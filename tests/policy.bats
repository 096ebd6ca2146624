# SPDX-License-Identifier: MIT
# The policy language as a person meets it: tlsup check and tlsup explain, word for word.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a subshell: nothing is meant to survive it
load lib

setup() {
    free_temp_dir
    unset TLSUP_POLICY
    umask 022
    PIN=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=
    POLICY=$TMP/p.conf
}

policy() {
    cat >"$POLICY"
}

check() {
    run "$BUILD/tlsup" check "$@"
}

# explained LINE...: each stands in the output
explained() {
    local line
    for line in "$@"; do
        grep -qF -- "$line" <<<"$output" || {
            printf '"%s" is not in:\n%s\n' "$line" "$output" >&2
            return 1
        }
    done
}

# ---- check -------------------------------------------------------------------------------------------------------

@test "check: a good policy" {
    policy <<<'* verify'
    check "$POLICY"
    [ "$status" -eq 0 ]
    [ "$output" = "$POLICY: ok, 1 rule" ]
}

@test "check: without a file the policy in force" {
    check
    [ "$status" -eq 0 ]
    [ "$output" = "built-in: ok, 2 rules" ]
    policy <<<'* verify'
    TLSUP_POLICY=$POLICY check
    [ "$output" = "$POLICY: ok, 1 rule" ]
}

@test "check: mistakes with file, line, column and a suggestion" {
    policy <<'E'
# destination  level
defaults       -         tmeout=3
a.example      required
b.example      verify    try=connect
c.example      none      ca=/etc/ca.pem
d.example:0    verify
e.example      fingerprint
.f.example     secure
b.example      may
*              verify    timeout=4000
E
    check "$POLICY"
    [ "$status" -eq 1 ]
    diff - <(echo "$output") <<E
$POLICY:2:26: error: unknown option 'tmeout', did you mean 'timeout'?
$POLICY:3:16: error: unknown level 'required', did you mean 'verify'? levels: none may encrypt fingerprint verify secure reject
$POLICY:4:26: error: connect is the way through a proxy: it needs proxy=yes beside it
$POLICY:5:26: error: ca= makes no sense at level none; it is for verify secure
$POLICY:6:11: error: 'd.example:0': a port is a number from 1 to 65535; write :80 or :80,8080 or :*
$POLICY:7:16: error: level fingerprint needs at least one pin=sha256//BASE64
$POLICY:8:16: error: level secure takes the name from the rule; this destination is a pattern: add match=NAME
$POLICY:10:34: error: bad value '4000' for timeout=: it takes seconds, more than 0 and at most 3600, as 10 or 2.5
$POLICY:9:1: error: 'b.example' has a rule already, in line 4 (port 80)
E
}

@test "check: warnings alone are no failure" {
    policy <<'E'
.example   verify
a.example  none
E
    check "$POLICY"
    [ "$status" -eq 0 ]
    diff - <(echo "$output") <<E
$POLICY:2:1: warning: 'a.example' can never decide: line 1 comes before it and matches all of it
$POLICY:2:1: warning: no rule for '*': destinations that no rule matches are left alone
$POLICY: ok, 2 rules
E
}

@test "check: more mistakes than are printed" {
    for i in {1..40}; do echo "n$i nolevel"; done >"$POLICY"
    check "$POLICY"
    [ "$status" -eq 1 ]
    [ "$(grep -c ': error: unknown level' <<<"$output")" -eq 32 ]
    explained "$POLICY: error: and 8 more"
}

@test "check: bytes that are no text" {
    printf '* verify\0x\n' >"$POLICY"
    check "$POLICY"
    [ "$status" -eq 1 ]
    explained "$POLICY:1:9: error: control character in the text: the policy is a text file"
    printf 'b\xc3\xbccher.example verify\n* none\n' >"$POLICY"
    check "$POLICY"
    [ "$status" -eq 1 ]
    explained "$POLICY:1:2: error: 'b??cher.example': only ASCII; write an international name in its xn-- form"
}

@test "check: the examples are good, without a warning but for files that are not here" {
    for f in "$ROOT"/policy/examples/*.conf; do
        cp "$f" "$TMP/example.conf"
        check "$TMP/example.conf"
        [ "$status" -eq 0 ]
        [ "$(grep -cv 'cannot be opened: No such file' <<<"$output")" -eq 1 ]
    done
}

# ---- which files are taken ---------------------------------------------------------------------------------------

@test "files: group- or world-writable" {
    policy <<<'* verify'
    for mode in 664 646 666; do
        chmod "$mode" "$POLICY"
        check "$POLICY"
        [ "$status" -eq 2 ]
        [ "$output" = "$POLICY: is writable by group or others; chmod go-w" ]
    done
}

@test "files: a symbolic link, a directory, a FIFO, nothing" {
    policy <<<'* verify'
    ln -s "$POLICY" "$TMP/link"
    check "$TMP/link"
    [ "$status" -eq 2 ]
    [ "$output" = "$TMP/link: is a symbolic link; name the file itself" ]
    check "$TMP"
    [ "$status" -eq 2 ]
    [ "$output" = "$TMP: is not a regular file" ]
    mkfifo "$TMP/fifo"
    check "$TMP/fifo"
    [ "$status" -eq 2 ]
    [ "$output" = "$TMP/fifo: is not a regular file" ]
    check "$TMP/absent"
    [ "$status" -eq 2 ]
    [ "$output" = "$TMP/absent: cannot be opened: No such file or directory" ]
}

@test "files: a directory that others write to" {
    mkdir "$TMP/d"
    echo '* verify' >"$TMP/d/p.conf"
    chmod 775 "$TMP/d"
    check "$TMP/d/p.conf"
    [ "$status" -eq 2 ]
    [ "$output" = "$TMP/d: this directory is writable by group or others; chmod go-w" ]
    chmod 755 "$TMP/d"
    check "$TMP/d/p.conf"
    [ "$status" -eq 0 ]
}

@test "files: TLSUP_POLICY is never relative, a word to check is" {
    policy <<<'* verify'
    cd "$TMP"
    TLSUP_POLICY=p.conf check
    [ "$status" -eq 2 ]
    [ "$output" = "p.conf: is not an absolute path; a policy is never taken from the current directory" ]
    check p.conf
    [ "$status" -eq 0 ]
    [ "$output" = "$TMP/p.conf: ok, 1 rule" ]
    check ./p.conf
    [ "$output" = "$TMP/p.conf: ok, 1 rule" ]
}

@test "files: an unusable TLSUP_POLICY is not replaced by the built-in one" {
    run env TLSUP_POLICY="$TMP/absent" "$BUILD/tlsup" explain http://a.example/
    [ "$status" -eq 1 ]
    explained "$TMP/absent: cannot be opened: No such file or directory" \
        "tlsup explain: the policy is not usable: connections that it may govern are refused"
}

# ---- explain -----------------------------------------------------------------------------------------------------

rules() {
    policy <<E
defaults -  timeout=5 audit=/var/log/tlsup.json ca=/etc/ssl/defaults.pem
localhost                none
cups.corp.example:631    verify       ca=/etc/ssl/corp.pem
                                      min-tls=1.3
printer-*.corp.example   fingerprint  pin=$PIN
cdn.example              secure
.legacy.example          may          mode=testing
10.0.0.0/8               reject
*:80,8080                verify
E
}

explain() {
    run "$BUILD/tlsup" explain -p "$POLICY" "$@"
    [ "$status" -eq 0 ]
}

@test "explain: which line decides, and where each value comes from" {
    rules
    explain http://cups.corp.example:631/printers/x
    explained "http://cups.corp.example:631" \
        "the connection is upgraded to TLS, the certificate is checked against /etc/ssl/corp.pem for the name that is requested; if that fails, nothing is sent" \
        "  rule             $POLICY:3 (cups.corp.example:631)" \
        "  level            verify" \
        "  ca               /etc/ssl/corp.pem            line 3" \
        "  min-tls          1.3                          line 3" \
        "  timeout          5                            defaults, line 1" \
        "  audit            /var/log/tlsup.json          defaults, line 1" \
        "  alpn             http/1.1                     built-in" \
        "  policy $POLICY, sha256 $(sha256sum "$POLICY" | cut -d' ' -f1)"
}

@test "explain: every level in one sentence" {
    rules
    explain localhost
    explained "  the connection is left alone"
    explain http://printer-7.corp.example
    explained "upgraded to TLS, the server's key is checked against the pins; if that fails, nothing is sent"
    explain http://cdn.example
    explained "checked against /etc/ssl/defaults.pem for the name cdn.example; if that fails, nothing is sent"
    explain http://x.legacy.example
    explained "upgraded to TLS if the server offers it, who answers is not checked; testing: where that fails it goes on as if it had not been asked for, and a record says so"
    explain http://10.1.2.3/
    explained "  the connection is refused"
    explain http://a.example:81
    explained "the connection is left alone: no rule lists this port" "  rule             none"
    policy <<<'a.example may'
    explain http://b.example
    explained "the connection is left alone: no rule matches it"
    explain http://a.example
    explained "if the server refuses, it goes on in plain HTTP"
    policy <<<'* reject mode=testing'
    explain http://a.example
    explained "the connection is made in plain HTTP; testing: a record says that it would be refused"
    policy <<<$'p.example:3128 verify proxy=yes\nq.example:3128 none proxy=yes'
    explain http://p.example:3128
    explained "  a proxy: a request for an http:// URL goes through a tunnel to that server, at the stricter of this line's level and that of the server's own line; if that fails, nothing is sent" \
        "  proxy            yes                          line 1" "  try              connect                      built-in"
    explain http://q.example:3128
    explained "  a proxy: what becomes of a request is said by the line of whom it is for"
}

@test "explain: names and addresses are looked up each by itself" {
    rules
    explain --address 10.1.1.1 http://a.example
    explained "http://a.example:80 at 10.1.1.1" "  level            reject" ":8 (10.0.0.0/8)"
    explain --address 127.0.0.1 http://a.example
    explained "  level            verify" ":9 (*:80,8080)"
    explain "http://[::ffff:10.9.9.9]:80/"
    explained "http://10.9.9.9:80" "  level            reject"
    explain "http://[2001:DB8::1]:8080/"
    explained "http://[2001:db8::1]:8080" "  level            verify"
}

@test "explain --json: for programs, stable" {
    rules
    explain --json http://cups.corp.example:631/
    jq -e '.rule == {"line": 3, "destination": "cups.corp.example:631"} and .level == "verify" and .port == 631 and
        .address == null and .check_chain and (.check_pins | not) and .pinned == [] and
        .options.ca == {"value": "/etc/ssl/corp.pem", "from": "rule", "line": 3} and
        .options.timeout == {"value": "5", "from": "defaults", "line": 1} and
        .options.alpn == {"value": "http/1.1", "from": "built-in", "line": null} and
        .options.resume == {"value": "yes", "from": "built-in", "line": null}' <<<"$output"
    [ "$(jq -r .policy.origin <<<"$output")" = "$POLICY" ]
    [ "$(jq -r .policy.sha256 <<<"$output")" = "$(sha256sum "$POLICY" | cut -d' ' -f1)" ]
    explain --json http://printer-1.corp.example/
    jq -e ".pinned == [{\"line\": 5, \"destination\": \"printer-*.corp.example\"}] and .check_pins and
        .options.pin.value == \"$PIN\"" <<<"$output"
    explain --json "http://a.example:9/\"\\"
    jq -e '.rule == null and .level == "none" and .options == {} and .url == "http://a.example:9/\"\\"' <<<"$output"
}

@test "explain: URLs that are none" {
    for url in https://a.example ftp://a.example http:// http://a..b http://a:0 http://a:x 'http://[10.0.0.1]' \
        http://u@a 'http://a b' 'http://[::1' ''; do
        run "$BUILD/tlsup" explain "$url"
        [ "$status" -eq 2 ]
        [[ "$output" == "tlsup explain: "* ]]
    done
    run "$BUILD/tlsup" explain http://a --address nonsense
    [ "$status" -eq 2 ]
    run "$BUILD/tlsup" explain http://10.0.0.1 --address 10.0.0.1
    [ "$status" -eq 2 ]
    run "$BUILD/tlsup" explain
    [ "$status" -eq 2 ]
}

@test "the digest is that of sha256sum" {
    policy <<<'* verify'
    run env TLSUP_POLICY="$POLICY" "$BUILD/tlsup" --version
    explained "policy: $POLICY (sha256 $(sha256sum "$POLICY" | cut -d' ' -f1))"
}
