# SPDX-License-Identifier: MIT
# Whose signature counts: files with many authorities, of which one is needed, judged as `openssl verify` judges them.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
BATS_TEST_TIMEOUT=60
BUNDLE=/etc/ssl/certs/ca-certificates.crt

# judged CERT ANCHORS [CRL]: both say the same of it; the verdict is left in VERDICT, trusted or not
judged() {
    local cert=$1 anchors=$2 crl=${3:-} rule
    new_origin "expect-head; 101; tls cert=$cert; options-answer; serve"
    rule="localhost:PORT verify try=upgrade ca=$anchors audit=AUDIT${crl:+ crl=$crl}"
    policy "${rule/PORT/$ORIGIN_PORT}"
    VERDICT='not'
    # shellcheck disable=SC2086 # a list of options
    openssl verify -purpose sslserver -x509_strict -CAfile "$anchors" ${crl:+-crl_check -CRLfile "$crl"} \
        "$ORIGIN_DIR/$cert.pem" >/dev/null 2>&1 && VERDICT='trusted'
    dial
    if [[ $VERDICT == trusted ]]; then
        assert_upgraded
    else
        [[ $(decisions) == 'blocked certificate-not-trusted '* ]] || show
        assert_no_clear "$CANARY"
    fi
    stop_origin
}

certs() {
    echo "$BATS_FILE_TMPDIR/certs"
}

@test "one of many: first, last, in the middle, and not there at all" {
    [[ -r $BUNDLE ]] || skip 'no ca-certificates here'
    cat "$(certs)/ca.pem" $BUNDLE >"$TMP/first.pem"
    cat $BUNDLE "$(certs)/ca.pem" >"$TMP/last.pem"
    sed '/^-----END/{p;r '"$(certs)/ca.pem"'
d}' $BUNDLE >"$TMP/often.pem"
    cp $BUNDLE "$TMP/without.pem"
    for where in first last often; do
        judged good "$TMP/$where.pem"
        [[ $VERDICT == trusted ]] || show
    done
    judged good "$TMP/without.pem"
    [[ $VERDICT == not ]] || show
}

@test "a list of revoked certificates counts beside a bundle" {
    [[ -r $BUNDLE ]] || skip 'no ca-certificates here'
    cat $BUNDLE "$(certs)/ca.pem" >"$TMP/all.pem"
    judged good "$TMP/all.pem" "$(certs)/ca.crl"
    [[ $VERDICT == trusted ]] || show
    judged revoked "$TMP/all.pem" "$(certs)/ca.crl"
    [[ $VERDICT == not ]] || show
}

@test "as people write such files: CRLF, words, keys and broken blocks between" {
    sed 's/$/\r/' "$(certs)/ca.pem" >"$TMP/crlf.pem"
    { openssl x509 -in "$(certs)/ca.pem" -text && echo 'the end'; } >"$TMP/text.pem"
    { cat "$(certs)/good.key" && openssl x509 -in "$(certs)/ca.pem" -trustout; } >"$TMP/trusted.pem"
    openssl x509 -in "$(certs)/ca.pem" -addreject serverAuth -out "$TMP/rejected.pem"
    for how in crlf text trusted rejected; do
        judged good "$TMP/$how.pem"
    done
    [[ $VERDICT == not ]] || show # the last one
    new_origin honest
    { printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' && cat "$(certs)/ca.pem"; } >"$TMP/broken.pem"
    policy "localhost:PORT verify ca=$TMP/broken.pem audit=AUDIT"
    dial
    assert_refused EACCES tlsup-policy-invalid "$TMP/broken.pem: unusable certificate: .*"
}

