# SPDX-License-Identifier: MIT
# What README.md tells somebody who has never seen tlsup, done on a fresh machine: "An afternoon". The commands are taken out of
# it. The transcript is build/check/walk.transcript.
# shellcheck disable=SC2154 # variables of lib.bash
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=300
load machine
load ../readme

setup() {
    need_machine
    free_temp_dir
    "$BATS_TEST_DIRNAME/root" "$MACHINE_ROOT"
}

teardown() {
    machine_stop
    stop_all
}

# servers of the site: one with TLS, whose authority the machine trusts, and one without
site() {
    machine_origin --address 192.0.2.10 --port 80 --tls-port 443 --make-cert 'intranet san=dns:intranet.example' --cert intranet
    GOOD_DIR=$ORIGIN_DIR
    cp "$ORIGIN_CA" "$(machine_file /usr/local/share/ca-certificates/intranet.crt)"
    on_machine update-ca-certificates >/dev/null
    machine_origin --address 192.0.2.11 --port 80 --no-upgrade
}

@test "from a package to a refusal in the log, by README.md alone" {
    local count
    count=$(blocks 'An afternoon')
    ((count >= 9))
    # the first is for the machine that has the tree
    cd "$ROOT"
    script 1 1 "$TMP" >"$TMP/play"
    env -u BUILD bash "$TMP/play" 3>&-
    judge 1 1

    machine_boot 'ln -sf /dev/null /etc/systemd/system/nginx.service; ln -sf /dev/null /etc/systemd/system/cups.service'
    site
    cp "$ROOT"/build/package/{libtlsup,tlsup}_*.deb "$(machine_file /srv)"
    mkdir "$(machine_file /walk)"
    script 2 "$count" /walk >"$(machine_file /walk/play)"
    on_machine bash -c 'cd /srv && exec bash /walk/play' </dev/null
    cp "$(machine_file /walk)"/*.{out,status} "$TMP"
    mkdir -p "$ROOT/build/check"
    transcript 1 "$count" >"$ROOT/build/check/walk.transcript"
    judge 2 "$count"

    # what crossed the wire to the good server was TLS, and cron's requests were inside; of what was refused nothing came
    run ! grep -aq '^GET' "$GOOD_DIR/clear.log"
    [ "$(grep -ac '^GET / ' "$GOOD_DIR/inside.log")" -ge 2 ]
    [ "$(grep -ac '^GET / ' "$ORIGIN_DIR/clear.log")" -eq 1 ]
}
