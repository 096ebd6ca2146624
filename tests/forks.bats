# SPDX-License-Identifier: MIT
# Two processes use one connection: shared by a fork before its first byte it is carried by a relay once both may use it, and
# each call gives what it gives over plain TCP. Used by one of them alone it never sees a relay. Shared later it belongs to the
# first one that uses it.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=60

setup_file() {
    compile forks door
    mkdir "$BATS_FILE_TMPDIR/no-relay"
    cp "$BUILD"/{tlsup,libtlsup.so,libtlsup-tls.so} "$BATS_FILE_TMPDIR/no-relay"
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    CANARY=canary-$RANDOM-$RANDOM
    ORIGIN_OPTIONS='' WAY='try=upgrade'
    case $BATS_TEST_DESCRIPTION in *'(script)'* | *'(way)'*) ;; *) serve ;; esac
}

# serve [STEPS]: an origin, honest or scripted, and the policy for it
serve() {
    if (($#)); then
        printf 'on 1:\n%s\n' "${1//; /$'\n'}" >"$TMP/script"
        start_origin --script "$TMP/script"
    else
        # shellcheck disable=SC2086 # words
        start_origin $ORIGIN_OPTIONS
    fi
    printf '%s\n' "localhost:$ORIGIN_PORT verify ${WAY//PORT/$ORIGIN_TLS_PORT} ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    export ORIGIN_PORT
    export REQUEST=$'GET /bytes/3000 HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
}

teardown() {
    local status=0
    assert_no_clear "$CANARY" || status=1
    stop_all
    return "$status"
}

protected() {
    tlsup_run -p "$TMP/policy.conf" -- "$@" </dev/null 2>"$TMP/stderr"
}

plainly() {
    REQUEST=${REQUEST//"$CANARY"/plain} "$@" </dev/null 2>"$TMP/stderr"
}

# the command that follows, by an installation that lacks the relay
without_relay() {
    local BUILD=$BATS_FILE_TMPDIR/no-relay
    "$@"
}

# same COMMAND...: under the shim it says and returns what it does without, and the request went inside
same() {
    local plain
    run plainly "$@"
    plain="$status: $output"
    wait_for 5 settled
    : >"$ORIGIN_DIR/clear.log" # that was not secret
    : >"$ORIGIN_DIR/inside.log"
    run "${how[@]}" protected "$@"
    [ "$status: $output" = "$plain" ] || {
        diff <(printf '%s\n' "$plain") <(printf '%s: %s\n' "$status" "$output") >&2
        cat "$TMP/stderr" >&2
        return 1
    }
    wait_for 5 assert_inside "$CANARY" 2>/dev/null
    assert_no_clear 'GET /' # nor a part of it
}
how=()
# the plain connections are over: none of them writes into the log any more
settled() {
    [[ $(grep -c ' accept ' "$ORIGIN_DIR/events.log") == $(grep -c ' closed$' "$ORIGIN_DIR/events.log") ]]
}

ways() {
    local way
    for way; do
        same "$BATS_FILE_TMPDIR/forks" "$way" "$ORIGIN_PORT" || {
            echo "way $way" >&2
            return 1
        }
    done
}

@test "one writes, the other reads, whoever is first" {
    ways child-writes child-writes-late parent-writes parent-writes-late shutdown nonblocking
}
@test "both write and read by turns" {
    ways by-turns
}
@test "two children, and a grandchild" {
    ways two-children grandchild
}
@test "the parent waits while a child writes: poll, select, epoll, FIONREAD" {
    ways poll select epoll epoll-edge epoll-after fionread thread
}
@test "a child that closes all descriptors, ours as well, and opens others" {
    ways close-all
}
@test "a process that only looks does no harm to the one that has it" {
    ways looks
}
@test "a child that was killed" {
    ways killed
}
@test "used by one process alone: there is no relay, nor need for one" {
    not_strict 'nothing is started where there is no relay'
    how=(without_relay)
    ways alone-exec alone-popen alone-child-closed alone-parent-closed alone-child-ended
    [ ! -s "$TMP/stderr" ]
}

@test "over another port, at once and after a redial (way)" {
    WAY='try=implicit implicit-port=PORT'
    serve
    ways child-writes parent-writes by-turns epoll-after alone-exec
    stop_all
    WAY='try=upgrade,implicit implicit-port=PORT' ORIGIN_OPTIONS=--no-upgrade
    serve
    ways child-writes parent-writes-late by-turns epoll alone-exec
}

@test "bash: a job writes while another reads" {
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        { printf %s "$REQUEST"; } >&3 & cat <&3 | sed /^Date/d; wait'
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        cat <&3 | sed /^Date/d & { printf %s "$REQUEST"; } >&3; wait'
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        (sleep 0.2; head -c 12 <&3; exec cat >/dev/null <&3) & (printf %s "${REQUEST:0:20}" >&3; printf %s "${REQUEST:20}" >&3) & wait'
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        cat <<<"$REQUEST" >&3 & while IFS= read -r line <&3; do case $line in Date*) ;; [A-Z]*) echo "$line" ;; *) break ;; esac; done
        wait; cat <&3 | md5sum'
}

@test "perl: the child copies what comes, the parent what goes" {
    cat >"$TMP/both.pl" <<'PL'
use strict; use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => "localhost", PeerPort => $ENV{ORIGIN_PORT}, Proto => "tcp") or die;
$s->autoflush(1); $| = 1;
my $child = fork();
if ($child) { while (<$s>) { print unless /^Date/ } waitpid($child, 0) }
else { for my $line (split /(?<=\n)/, $ENV{REQUEST}) { print $s $line } exit 0 }
PL
    same perl "$TMP/both.pl"
}

@test "python: multiprocessing" {
    cat >"$TMP/both.py" <<'PY'
import multiprocessing, os, socket
def write(s):
    s.sendall(os.environb[b"REQUEST"])
def read(s, q):
    d = b""
    while b := s.recv(65536):
        d += b
    q.put(len(d))
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    for writer, reader in (True, False), (False, True), (True, True):
        s, q = socket.create_connection(("localhost", int(os.environ["ORIGIN_PORT"])), 20), multiprocessing.Queue()
        w = multiprocessing.Process(target=write, args=(s,))
        r = multiprocessing.Process(target=read, args=(s, q))
        if writer: w.start()
        if reader: r.start()
        if not writer: write(s)
        if not reader: read(s, q)
        print(q.get())
        for p in w, r:
            if p.pid: p.join()
        s.close()
PY
    same python3 "$TMP/both.py"
}

# ---- when it goes wrong --------------------------------------------------------------------------------------------

@test "refused: both get a reset, and stderr the reason (script)" {
    serve 'expect-head; send "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"; fin'
    run -0 protected "$BATS_FILE_TMPDIR/forks" child-writes "$ORIGIN_PORT"
    [ "$output" = 'parent: , body 0 0, ECONNRESET' ]
    grep -q "^tlsup: refused http://localhost:$ORIGIN_PORT: .*400" "$TMP/stderr"
    [ "$(jq -r 'select(.event == "decision") | .action + " " + .errno' "$TMP/audit")" = 'blocked EACCES' ]
}

@test "a truncated answer is an error in the process that reads it (script)" {
    local steps='expect-head; 101; tls; options-answer; tls-expect-head'
    serve "$steps"'; tls-send "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"; fin'
    run -0 protected "$BATS_FILE_TMPDIR/forks" parent-writes "$ORIGIN_PORT"
    [[ $output == 'child: HTTP/1.1 200 OK, body 10 '*', ECONNRESET' ]]
    assert_inside "$CANARY"
}

@test "no relay can be started: both are told, and nothing leaves" {
    not_strict 'nothing is started where there is no relay'
    run -0 without_relay protected "$BATS_FILE_TMPDIR/forks" child-writes "$ORIGIN_PORT"
    [ "$output" = $'child: write EOPNOTSUPP\nparent: , body 0 0, ECONNRESET' ]
    grep -q "^tlsup: refused .*: two processes were about to use it after a fork.*: No such file" "$TMP/stderr"
    [ ! -s "$ORIGIN_DIR/inside.log" ]
}

@test "shared when TLS was up: the first one goes on, and the other is told why" {
    run -0 protected "$BATS_FILE_TMPDIR/door" fork-child "$ORIGIN_PORT"
    [[ $output == *$'child 0\nsend ECONNRESET\nrecv ECONNRESET' ]]
    [ "$(grep -c '^tlsup: ' "$TMP/stderr")" = 1 ]
    grep -q '^tlsup: refused .*: another process uses this connection since a fork' "$TMP/stderr"
    [ "$(jq -r 'select(.action == "blocked") | .result_type + " " + .errno' "$TMP/audit")" = 'tlsup-bypass-refused ECONNRESET' ]
}
