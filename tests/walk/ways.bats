# SPDX-License-Identifier: MIT
# The other ways that README.md has to put programs under tlsup, and its rules and configurations for others, as they stand
# there: a wrapper, a container, the line of a whole host, nftables, logs, logrotate, alerts.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # variables of lib.bash; what is quoted is for shells on the machine
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=120
load machine
load ../readme

setup_file() {
    machine_is_possible || return 0 # see setup()
    "$BATS_TEST_DIRNAME/root" "$MACHINE_ROOT"
    make -s -C "$ROOT" install DESTDIR="$BATS_FILE_TMPDIR/stage" PREFIX=/usr BUILD="$BUILD" >"$BATS_FILE_TMPDIR/install"
    mkdir -p "$BATS_FILE_TMPDIR/stage/etc/tlsup"
    printf '%s\n' 'localhost none' '* verify ca=/etc/ssl/intranet.pem' >"$BATS_FILE_TMPDIR/stage/etc/tlsup/policy.conf"
}

setup() {
    need_machine
    free_temp_dir
    CANARY=canary-$RANDOM-$RANDOM
    quiet='for name in nginx cups ssh; do ln -sf /dev/null /etc/systemd/system/$name.service; done; useradd legacy'
    machine_boot "$quiet" "$BATS_FILE_TMPDIR/stage"
    machine_origin --address 192.0.2.10 --port 80 --tls-port 443 --make-cert 'intranet san=dns:intranet.example' --cert intranet
    cp "$ORIGIN_CA" "$(machine_file /etc/ssl/intranet.pem)"
}

teardown() {
    machine_stop
    stop_all
}

# block KIND [N]: the Nth block of README.md that is marked so
block() {
    awk -v mark="\`\`\`$1" -v n="${2:-1}" '$0 == mark && !--n { inside = 1; next } /^```/ && inside { exit } inside' "$ROOT/README.md"
}

get() { # [COMMAND...] before curl
    on_machine "$@" curl -sS -H "X-Canary: $CANARY" http://intranet.example/bytes/100
}

upgraded() {
    [ "$output" = "$(pattern 100)" ] || { echo "$output" >&2; return 1; }
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

# on_the_machine FROM TO: blocks that README.md has below "Ways ..." or another heading, in one shell there
play_on_machine() {
    mkdir -p "$(machine_file /walk)"
    script "$1" "$2" /walk >"$(machine_file /walk/play)"
    on_machine bash /walk/play </dev/null
    cp "$(machine_file /walk)"/*.{out,status} "$TMP"
    judge "$1" "$2"
}

@test "a wrapper; the line of a whole host, and the command that takes it out" {
    [ "$(blocks 'Ways to put programs under it')" -eq 3 ]
    play_on_machine 1 1
    run ! grep -aq '^GET' "$ORIGIN_DIR/clear.log"
    grep -q '^GET / ' "$ORIGIN_DIR/inside.log"
    play_on_machine 2 2
    [ "$(cat "$(machine_file /etc/ld.so.preload)")" = '/usr/$LIB/tlsup/libtlsup.so' ]
    run -0 get
    upgraded
    # another line of the file stays
    echo /usr/lib/other.so >>"$(machine_file /etc/ld.so.preload)"
    play_on_machine 3 3
    [ "$(cat "$(machine_file /etc/ld.so.preload)")" = /usr/lib/other.so ]
}

@test "a container: what its Dockerfile says" {
    local line preload=''
    # a Debian that is no host: its own root, no process 1 of its own, the environment that ENV gives
    while read -r line; do
        case $line in
            ENV\ LD_PRELOAD=*) preload=${line#ENV LD_PRELOAD=} ;;
            CMD\ *) command=$(jq -r '@sh' <<<"${line#CMD }") ;;
            RUN\ * | COPY\ * | FROM\ debian:12) ;;
            *) echo "$line" >&2; false ;;
        esac
    done < <(block dockerfile)
    [ "$preload" = '/usr/\$LIB/tlsup/libtlsup.so' ]
    preload=${preload/\\/} # Docker's own escape
    run -0 on_machine env "LD_PRELOAD=$preload" sh -c "$command"
    [[ $output == *'It works.'* ]]
    run -0 get env "LD_PRELOAD=$preload"
    upgraded
    run ! grep -aq '^GET' "$ORIGIN_DIR/clear.log"
}

@test "a program for musl does not start with the preload, and tlsup says so" {
    command -v musl-gcc >/dev/null
    mkdir -p "$(machine_file /lib)"
    echo 'int main(void) { return 0; }' | musl-gcc -o "$(machine_file /srv/musl)" -xc -
    cp "$(readlink -f /lib/ld-musl-"$(uname -m)".so.1)" "$(machine_file "/usr/lib/ld-musl-$(uname -m).so.1")"
    on_machine /srv/musl
    run -127 on_machine env LD_PRELOAD="/usr/lib/$(gcc -print-multiarch)/tlsup/libtlsup.so" /srv/musl
    run on_machine tlsup doctor -- /srv/musl
    [ "$status" -eq 1 ]
    [[ $output == *'musl'* ]] || { echo "$output" >&2; false; }
}

request() { # CANARY
    printf 'GET /bytes/10 HTTP/1.1\r\nHost: intranet.example\r\nX-Canary: %s\r\nConnection: close\r\n\r\n.' "$1"
}

# static CANARY: such a program, run as somebody without rights
static() {
    gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 -static -o "$(machine_file /srv/static)" "$ROOT"/tests/clients/{bypass,calm,kinds}.c -pthread
    on_machine setpriv --reuid legacy --regid legacy --clear-groups env "REQUEST=$(request "$1")" /srv/static raw 192.0.2.10 80
}

@test "the firewall lets upgraded connections pass and nothing else" {
    as_legacy() { on_machine setpriv --reuid legacy --regid legacy --clear-groups "$@"; }
    # a static program that makes its own system calls: no preload can reach it
    static 'before the rule'
    assert_clear 'before the rule'
    block nft >"$(machine_file /etc/nftables.conf)"
    run -0 on_machine nft -f /etc/nftables.conf
    run as_legacy env "REQUEST=$(request "$CANARY")" /srv/static raw 192.0.2.10 80
    [[ $output != *HTTP/1.1* ]] || { echo "$output" >&2; false; }
    assert_no_clear "$CANARY"
    run -0 on_machine nft list table inet tlsup
    [[ $output =~ counter\ packets\ [1-9] ]] || { echo "$output" >&2; false; }
    # and what it can: on port 80, by upgrade
    sed -i 's/verify/verify try=upgrade/' "$(machine_file /etc/tlsup/policy.conf)"
    run -0 get setpriv --reuid legacy --regid legacy --clear-groups tlsup run --
    upgraded
    grep -q 'upgrade sent-101' "$ORIGIN_DIR/events.log"
    # a long request and a long answer, in many segments
    head -c 300000 /dev/zero | tr '\0' x >"$(machine_file /srv/body)"
    run -0 as_legacy tlsup run -- \
        curl -sS --data-binary @/srv/body -o /dev/null -w '%{http_code} %{size_download}' http://intranet.example/echo
    [ "$output" = '200 300000' ] || { echo "$output" >&2; false; }
    # nobody else is asked
    run -0 on_machine curl -sS -H 'X-Canary: of root' http://intranet.example/bytes/100
    assert_clear 'of root'
}

@test "the firewall, for a service" {
    on_machine mkdir -p /run/systemd/system
    static 'before the rule'
    assert_clear 'before the rule'
    printf '%s\n' '[Service]' User=legacy "ExecStart=sh -c 'while :; do /srv/static raw 192.0.2.10 80; sleep 0.3; done'" "Environment=\"REQUEST=$(request "$CANARY" | sed 's/\r/\\r/; s/$/\\n/' | tr -d '\n\r')\"" \
        >"$(machine_file /run/systemd/system/inventory.service)"
    on_machine systemctl start inventory
    wait_for 5 assert_clear "$CANARY" 2>/dev/null
    block nft >"$(machine_file /etc/nftables.conf)"
    run -0 on_machine nft -f /etc/nftables.conf
    on_machine systemctl restart inventory
    : >"$ORIGIN_DIR/clear.log"
    sleep 1
    [ "$(on_machine systemctl is-active inventory)" = active ]
    assert_no_clear "$CANARY"
    run -0 on_machine nft list table inet tlsup
    [[ $output =~ counter\ packets\ [1-9] ]] || { echo "$output" >&2; false; }
}

@test "logs: what README.md asks the journal" {
    machine_origin --address 192.0.2.11 --port 80 --no-upgrade
    run ! on_machine tlsup run -- curl -sS -H "X-Canary: $CANARY" http://old.example/
    assert_no_clear "$CANARY"
    [ "$(blocks 'Logs and alerts')" -eq 1 ]
    play_on_machine 1 1
    [ "$(head -n 1 "$TMP/1.out" | jq -r .TLSUP_ACTION)" = blocked ]
    [ "$(tail -n 1 "$TMP/1.out" | jq -c '.destinations[0] | [.host, .blocked]')" = '["old.example",1]' ]
    # each field that is named there is one, and each that there is is named
    diff <(head -n 1 "$TMP/1.out" | jq -r 'keys[] | select(startswith("TLSUP_"))' | grep -v WOULD | sort) \
        <(grep -o '`_[A-Z_]*`\|`TLSUP_ACTION`, ' "$ROOT/README.md" | tr -d '`, ' | sed 's/^_/TLSUP_/' | sort -u | grep -v 'WOULD\|TLS_VERSION')
}

@test "logs: a file lives through logrotate, renamed or truncated" {
    local log how n=0
    log=$(machine_file /var/log/tlsup.json)
    diff <(block logrotate) <(grep -v '^#' "$ROOT/scripts/package/debian/tlsup.logrotate")
    sed -i '1s|^|defaults - audit=/var/log/tlsup.json\n|' "$(machine_file /etc/tlsup/policy.conf)"
    for how in create copytruncate; do
        rm -f "$log"*
        block logrotate | sed "s/create/$how/" >"$(machine_file /etc/logrotate.d/tlsup)"
        # one program that goes on, and records while and after it is rotated
        mkfifo "$(machine_file /srv/$how)"
        on_machine sh -c "tlsup run -- sh -c 'while read -r line; do curl -sS -o /dev/null http://intranet.example/; done' </srv/$how" &
        exec 9>"$(machine_file /srv/$how)"
        echo >&9
        wait_for 10 records "$log" 2
        on_machine logrotate -f -s /srv/state-$how /etc/logrotate.d/tlsup
        records "$log.1" 2
        records "$log" 0
        echo >&9
        wait_for 10 records "$log" 2
        [ "$(stat -c '%a %U' "$log")" = '600 root' ]
        exec 9>&-
        run -0 on_machine tlsup report --json /var/log/tlsup.json.1 /var/log/tlsup.json
        [ "$(jq -c '[.records, .damaged, .lost]' <<<"$output")" = '[4,0,0]' ]
        n=$((n + 1))
    done
    [ "$n" -eq 2 ]
}
records() { # FILE N
    [ "$(wc -l <"$1")" -eq "$2" ]
}

@test "alerts: the lines of cron and the rules of Prometheus name what there is" {
    machine_origin --address 192.0.2.11 --port 80 --no-upgrade
    local line
    # nothing refused: cron would have nothing to send
    line=$(block cron 1 | cut -d ' ' -f 7-)
    run -0 on_machine sh -c "$line"
    [ -z "$output" ]
    run ! on_machine tlsup run -- curl -sS http://old.example/
    run -0 on_machine sh -c "$line"
    [ "$(jq -r .action <<<"$output")" = blocked ]
    # the metrics
    on_machine mkdir -p /var/lib/prometheus/node-exporter
    on_machine sh -c "$(block cron 2 | cut -d ' ' -f 7-)"
    local metrics
    metrics=$(machine_file /var/lib/prometheus/node-exporter/tlsup.prom)
    grep -q 'tlsup_connections_total{destination="old.example:80",action="blocked"} 1' "$metrics"
    block yaml | python3 -c '
import re, sys, json
text = sys.stdin.read()
exprs = re.findall(r"^ +expr: (.*)$", text, re.M)
assert len(exprs) == 2, exprs
known = {line.split("{")[0].split(" ")[0] for line in open(sys.argv[1]) if not line.startswith("#")}
known |= {line.split(" ")[2] for line in open(sys.argv[1]) if line.startswith("# TYPE")}
for e in exprs:
    names = re.findall(r"tlsup_[a-z_]+", e)
    assert names and set(names) <= known, (names, known)' "$metrics"
}
