# SPDX-License-Identifier: MIT
# What tlsup check warns of: lines that are correct, and hardly meant. No network.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY
    POLICY=$TMP/policy.conf
}

# warns: check says of the policy on standard input exactly what stands behind its "---", and that it is ok
warns() {
    local text
    text=$(cat)
    sed '/^---$/,$d' <<<"$text" >"$POLICY"
    run "$BUILD/tlsup" check "$POLICY"
    [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
    diff <(sed "1,/^---\$/d; s#^[0-9]#$POLICY:&#" <<<"$text") <(grep -v ': ok, [0-9]* rule' <<<"$output")
}

@test "a rule that can never decide, behind a weaker one" {
    warns <<'E'
.example      may
a.example     verify
*             none
*.b.test      verify
---
2:1: warning: 'a.example' can never decide: line 1 comes before it and matches all of it
2:1: warning: line 1 decides in its place, which is weaker: may, not verify; put the stricter line first
4:1: warning: '*.b.test' can never decide: line 3 comes before it and matches all of it
4:1: warning: line 3 decides in its place, which is weaker: none, not verify; put the stricter line first
E
}

@test "a rule that a weaker one comes before, on one of its ports" {
    warns <<'E'
.example          may
a.example:80,631  fingerprint pin=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=
b.test:80         verify
*:80,631          verify
---
2:1: warning: on port 80 line 1 decides, which is weaker: may, not fingerprint
E
    # exceptions, in the order that they are written in, are meant
    warns <<'E'
a.example         none
.example          verify
b.test            secure
.test:80,631      may
10.1.0.0/16       verify
10.0.0.0/8        may
*                 verify
---
E
}

@test "no rule for '*'" {
    warns <<'E'
a.example  verify
---
1:1: warning: no rule for '*': destinations that no rule matches are left alone
E
}

@test "may for public addresses, not for private ones" {
    warns <<'E'
198.51.100.0/24    may
10.0.0.0/8         may
172.16.0.0/12      may
172.0.0.0/8        may
192.168.7.1        may
100.64.0.0/10      may
[fd00::/8]         may
[fe80::1]          may
[2001:db8::1]:631  may
127.0.0.1          may
198.51.0.0/16      encrypt
0.0.0.0/0          may
*                  may
---
1:1: warning: may for public addresses, '198.51.100.0/24': whoever is on the way can switch TLS off; verify or fingerprint cannot be
4:1: warning: may for public addresses, '172.0.0.0/8': whoever is on the way can switch TLS off; verify or fingerprint cannot be
9:1: warning: may for public addresses, '[2001:db8::1]:631': whoever is on the way can switch TLS off; verify or fingerprint cannot be
12:1: warning: may for public addresses, '0.0.0.0/0': whoever is on the way can switch TLS off; verify or fingerprint cannot be
E
}

@test "files that are missing, empty, or something else" {
    : >"$TMP/empty"
    echo 'no PEM' >"$TMP/other"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout "$TMP/key.pem" -out "$TMP/ca.pem" 2>/dev/null
    chmod 600 "$TMP/ca.pem" # it stands for a key as well
    warns <<E
a.example  verify  ca=$TMP/none crl=$TMP/ca.pem
b.example  verify  min-tls=1.3
                   ca=$TMP/empty
c.example  verify  ca=$TMP/other
c2.test    verify  ca=$TMP/key.pem
d.example  verify  ca=$TMP/ca.pem cert=$TMP/key.pem key=$TMP/ca.pem cert-on-upgrade=yes
e.example  verify  ca=$TMP/ca.pem cert=$TMP/ca.pem key=$TMP/key.pem cert-on-upgrade=yes
*          verify  # ca=/nowhere
---
1:23: warning: $TMP/none: cannot be opened: No such file or directory: connections by this rule are refused
1:$((33 + ${#TMP})): warning: '$TMP/ca.pem' holds no revocation list
3:23: warning: '$TMP/empty' is empty
4:23: warning: '$TMP/other' holds no certificate: no connection can be trusted by it
5:23: warning: '$TMP/key.pem' holds no certificate: no connection can be trusted by it
6:$((36 + ${#TMP})): warning: '$TMP/key.pem' holds no certificate
6:$((49 + 2 * ${#TMP})): warning: '$TMP/ca.pem' holds no private key
E
}

@test "a pin of the wrong length is an error with its length" {
    printf '%s\n' '* fingerprint pin=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg' >"$POLICY"
    run "$BUILD/tlsup" check "$POLICY"
    [ "$status" -eq 1 ]
    [[ $output == "$POLICY:1:27: error: bad value 'sha256//n4b"*"44 characters of base64, the last one '='; this one has 43" ]]
}

@test "--json" {
    printf '%s\n' 'a.example may' "b.example verify ca=$TMP/none" >"$POLICY"
    run -0 "$BUILD/tlsup" check --json "$POLICY"
    jq -e --arg p "$POLICY" '.path == $p and .ok and .rules == 2 and .reason == null and .errors == [] and
        (.warnings | map([.line, .column])) == [[2, 1], [2, 21]] and (.warnings[1].text | test("cannot be opened"))' <<<"$output"
    echo 'c.example verfy' >>"$POLICY"
    run -1 "$BUILD/tlsup" check "$POLICY" --json
    jq -e '.ok == false and .rules == 0 and .errors[0].line == 3 and (.reason | contains("verfy"))' <<<"$output"
    run -2 "$BUILD/tlsup" check --json /nowhere
    jq -e '.ok == false and .errors == []' <<<"$output"
}
