# SPDX-License-Identifier: MIT
# Files that decide whom to trust: who may have written them, how they are reached, and what is said where they cannot be used.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
BATS_TEST_TIMEOUT=60
NOBODY=12345
AS=() # who runs the program

# The way to what a test makes is everybody's to go, as that of /etc is.
reachable() {
    local at=$TMP
    while [[ $at == /tmp/* ]]; do
        chmod go+x "$at"
        at=${at%/*}
    done
}

# A directory of its own with the certificates of this file, and what a rule says of it
trusted() {
    new_origin 'expect-head; 101; tls ask-cert; options-answer; serve'
    reachable
    D=$TMP/trust
    rm -rf "$D"
    mkdir -p "$D"
    cp "$BATS_FILE_TMPDIR"/certs/{ca.pem,ca.crl} "$D"
    cp "$BATS_FILE_TMPDIR/certs/clientauth.pem" "$D/client.pem"
    cp "$BATS_FILE_TMPDIR/certs/clientauth.key" "$D/client.key"
    chmod 644 "$D"/*
    chmod 600 "$D/client.key"
    chmod 711 "$ORIGIN_DIR"
    : >"$ORIGIN_DIR/audit"
    chmod 666 "$ORIGIN_DIR/audit"
    printf 'localhost:%s verify try=upgrade ca=%s crl=%s cert=%s key=%s cert-on-upgrade=yes audit=%s\n*  none\n' "$ORIGIN_PORT" \
        "$D/ca.pem" "$D/ca.crl" "$D/client.pem" "$D/client.key" "$ORIGIN_DIR/audit" >"$ORIGIN_DIR/policy.conf"
}

# dials as AS; the program is copied to where AS may read it
dial_as() {
    tlsup_run -p "$ORIGIN_DIR/policy.conf" -- "${AS[@]}" "$BATS_FILE_TMPDIR/dial" -o "$TMP/got" localhost "$ORIGIN_PORT" \
        <"$ORIGIN_DIR/request" >"$ORIGIN_DIR/calls" 2>"$ORIGIN_DIR/stderr.program" || true
}

# is_refused REASON: before a byte of the program left, with one record; and check says the same beforehand
is_refused() {
    assert_refused EACCES tlsup-policy-invalid "$1"
    [[ $(connections) -le 1 ]] || show
    run -0 "${AS[@]}" "$BUILD/tlsup" check "$ORIGIN_DIR/policy.conf"
    [[ $output == *"warning: $(reason): connections by this rule are refused"* ]] || { echo "$output" >&2; show; }
    stop_origin
}

is_taken() {
    assert_upgraded
    event ' client-cert=.*CN' || show
    run -0 "${AS[@]}" "$BUILD/tlsup" check "$ORIGIN_DIR/policy.conf"
    [[ $output != *warning* ]] || { echo "$output" >&2; show; }
    stop_origin
}

# row STEPS VERDICT: what was done to the files, and the reason behind the directory, or nothing
row() {
    trusted
    (cd "$D" && eval "$1")
    dial_as
    if [[ -n $2 ]]; then
        is_refused "$D$2"
    else
        is_taken
    fi
}

not_written='is writable by group or others; chmod go-w'
not_ours="is owned neither by root nor by the effective user, but by uid $NOBODY; chown it"

@test "who may write: each file, its directory, and the ways to them" {
    row : ''
    row 'chmod 600 ca.pem ca.crl client.pem' ''
    for file in ca.pem ca.crl client.pem; do
        row "chmod 664 $file" "/$file: $not_written"
        row "chmod 646 $file" "/$file: $not_written"
    done
    row 'chmod 775 .' ": this directory $not_written"
    row 'chmod 1777 .' ''
}

@test "who may read a key: its owner alone, and a group where it is root's" {
    row 'chmod 400 client.key' ''
    row 'chmod 604 client.key' '/client.key: a key that others may read is refused; chmod o='
    row 'chmod 620 client.key' "/client.key: $not_written"
    if [[ $EUID == 0 ]]; then
        row 'chmod 640 client.key' ''
        row "chgrp $NOBODY client.key; chmod 640 client.key" ''
    else
        row 'chmod 640 client.key' "/client.key: a key that a group may read is refused unless it is root's; chmod go="
    fi
}

@test "who owns: each file, its directory, a link" {
    [[ $EUID == 0 ]] || skip 'who is not root gives nothing away'
    for file in ca.pem ca.crl client.pem client.key; do
        row "chown $NOBODY $file" "/$file: $not_ours"
    done
    row "chown $NOBODY ." ": $not_ours"
    row "mv ca.pem real.pem; ln -s real.pem ca.pem; chown -h $NOBODY ca.pem" "/ca.pem: $not_ours"
}

@test "an ordinary user: root's files and its own, nobody else's" {
    [[ $EUID == 0 ]] || skip 'only root becomes somebody else'
    AS=(setpriv "--reuid=$NOBODY" "--regid=$NOBODY" --clear-groups --)
    row "chown $NOBODY client.key" ''
    row "chown -R $NOBODY ." ''
    row "chgrp $NOBODY client.key; chmod 640 client.key" ''
    row "chown $NOBODY client.key; chown 54321 ca.pem" '/ca.pem: is owned neither by root nor by the effective user, but by uid 54321; chown it'
    row "chown $NOBODY client.key; chmod 640 client.key" "/client.key: a key that a group may read is refused unless it is root's; chmod go="
    # its own that it may not read: check, which may be run by somebody else, does not complain
    trusted
    dial_as
    assert_refused EACCES tlsup-policy-invalid "$D/client.key: cannot be opened: Permission denied"
}

@test "what is no file: directories, FIFOs, devices, nothing, too much" {
    row 'rm ca.pem; mkdir ca.pem' '/ca.pem: is not a regular file'
    row 'rm ca.pem; mkfifo ca.pem' '/ca.pem: is not a regular file'
    row 'rm client.key; mkfifo -m 600 client.key' '/client.key: is not a regular file'
    row 'rm ca.crl; ln -s /dev/zero ca.crl' '/ca.crl: is not a regular file'
    row 'rm ca.pem' '/ca.pem: cannot be opened: No such file or directory'
    row 'truncate -s 17M ca.pem' '/ca.pem: is larger than 16 MiB'
    trusted
    : >"$D/ca.pem"
    dial_as
    assert_refused EACCES tlsup-policy-invalid "$D/ca.pem: no certificate in this file"
}

@test "links: what they lead through is looked at as well" {
    row 'mkdir a; mv ca.pem a; ln -s a/ca.pem ca.pem' ''
    # shellcheck disable=SC2016 # evaluated there
    row 'mkdir a; mv ca.pem a; ln -s a b; ln -s "$PWD/b/../b/./ca.pem" ca.pem' ''
    row 'mkdir a; mv ca.pem a; chmod 777 a; ln -s a/ca.pem ca.pem' "/a: this directory $not_written"
    row 'mkdir a b; mv ca.pem b; chmod 777 a; ln -s ../b/ca.pem a/x; ln -s a/x ca.pem' "/a: this directory $not_written"
    row 'rm ca.pem; ln -s ca.pem ca.pem' '/ca.pem: cannot be opened: Too many levels of symbolic links'
    row 'rm ca.pem; ln -s gone ca.pem' '/ca.pem: cannot be opened: No such file or directory'
}

@test "the system's bundle is a file like any other" {
    [[ -r /etc/ssl/certs/ca-certificates.crt ]] || skip 'no ca-certificates here'
    new_origin 'expect-head; 101; tls; options-answer; serve'
    policy 'localhost:PORT verify ca=/etc/ssl/certs/ca-certificates.crt audit=AUDIT'
    sed -i "s/PORT/$ORIGIN_PORT/" "$ORIGIN_DIR/policy.conf"
    dial
    [[ $(decisions) == 'blocked certificate-not-trusted '* ]] || show
    run -0 "$BUILD/tlsup" check "$ORIGIN_DIR/policy.conf"
    [[ $output != *warning:*ca-cert* ]]
}

# Somebody else's link to files of root's: they are good, but it is not he who says which
@test "a policy by a link of somebody else's" {
    [[ $EUID == 0 ]] || skip 'only root makes links of somebody else'
    trusted
    mkdir -m 1777 "$TMP/sticky"
    ln -s "$ORIGIN_DIR" "$TMP/sticky/way"
    run -0 "$BUILD/tlsup" check "$TMP/sticky/way/policy.conf"
    chown -h $NOBODY "$TMP/sticky/way"
    run -2 "$BUILD/tlsup" check "$TMP/sticky/way/policy.conf"
    [ "$output" = "$TMP/sticky/way: $not_ours" ]
}

# Two files take turns under one name, one of which others may write
@test "what is replaced all the time is taken as one or the other" {
    trusted
    cp "$D/ca.pem" "$D/good"
    cat /etc/ssl/certs/*.pem >"$D/bad" 2>/dev/null || head -c 100000 /dev/zero >"$D/bad"
    chmod 666 "$D/bad"
    while :; do
        ln -f "$D/good" "$D/next" && mv -f "$D/next" "$D/ca.pem"
        ln -f "$D/bad" "$D/next" && mv -f "$D/next" "$D/ca.pem"
    done 2>/dev/null 3>&- &
    PIDS+=($!)
    local i taken=0
    for ((i = 0; i < 12; i++)); do
        : >"$ORIGIN_DIR/audit"
        dial_as
        case $(reason) in
        '') taken=$((taken + 1)) ;;
        "$D/ca.pem: $not_written" | "$D/ca.pem: cannot be opened: No such file or directory") ;;
        *) show ;;
        esac
        assert_no_clear "$CANARY"
    done
    echo "$taken of 12 were upgraded" >&3
}
