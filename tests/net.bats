# SPDX-License-Identifier: MIT
# tlsup run --strict: what a preload does not reach is upgraded all the same or refused with a record, programs that it
# does reach stay as they are, and the command lives and ends as it would without.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=60

setup_file() {
    local sources=("$ROOT/tests/clients/bypass.c" "$ROOT/tests/clients/calm.c")
    gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 -o "$BATS_FILE_TMPDIR/dynamic" "${sources[@]}" -pthread
    gcc -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 -static -o "$BATS_FILE_TMPDIR/static" "${sources[@]}" -pthread
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    CANARY=canary-$RANDOM-$RANDOM
    start_origin
    PORT=$ORIGIN_PORT
    export PORT REQUEST=$'GET /headers HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
    printf '%s\n' "localhost:$PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
}

teardown() {
    local status=0
    assert_no_clear "$CANARY" || status=1
    stop_all
    return "$status"
}

strictly() {
    "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- "$@" </dev/null
}

# bare COMMAND...: with nothing of us in its environment; the preload would put it back, so by a program without one
bare() {
    strictly bash-static -c 'unset LD_PRELOAD TLSUP_POLICY TLSUP_NET; exec "$@"' sh "$@"
}

# bypass LINKING HOW ADDRESS PORT...
bypass() {
    local program=$BATS_FILE_TMPDIR/$1
    shift
    strictly "$program" "$@"
}

recorded() {
    grep -q -- "$1" "$TMP/audit" || {
        echo "no record with $1 in:" >&2
        cat "$TMP/audit" >&2
        return 1
    }
}

# upgraded LINKING HOW...: each of them, with a record of its own
upgraded() {
    local linking=$1 how
    shift
    for how; do
        : >"$TMP/audit"
        : >"$ORIGIN_DIR/inside.log"
        run -0 --separate-stderr bypass "$linking" "$how" 127.0.0.1 "$PORT"
        [[ $output == *"X-Canary: $CANARY"* ]] || { echo "$how: $output $stderr" >&2; return 1; }
        assert_inside "$CANARY"
        wait_for 5 recorded '"action":"upgraded"' 2>/dev/null
        recorded '"action":"upgraded"'
    done
}
ways=(raw deferred other-address clone vfork empty-environment inherit duplicate nonblocking redial bound threads)
[[ $(uname -m) != x86_64 ]] || ways+=(int80 socketcall)

# ---- what a preload does not reach -----------------------------------------------------------------------------------

@test "a static program: every way to connect is upgraded" {
    upgraded static "${ways[@]}"
}
@test "system calls by instruction beside a preload are upgraded" {
    upgraded dynamic "${ways[@]}"
}

@test "ways that cannot be followed are refused, with a record where they had a destination" {
    local how
    for how in fastopen fastopen-message fastopen-messages; do
        : >"$TMP/audit"
        run -1 --separate-stderr bypass static "$how" 127.0.0.1 "$PORT"
        [[ $output == *": EOPNOTSUPP" ]]
        recorded '"action":"blocked".*"tlsup-bypass-refused".*"EOPNOTSUPP"'
    done
    if [[ $(uname -m) == x86_64 ]]; then
        run -1 --separate-stderr bypass static socketcall-fastopen 127.0.0.1 "$PORT"
        [ "$output" = 'socketcall: EOPNOTSUPP' ]
        run -1 --separate-stderr bypass static x32 127.0.0.1 "$PORT"
        [ "$output" = 'connect: ENOSYS' ]
    fi
    run -1 --separate-stderr bypass static ring 127.0.0.1 "$PORT"
    [ "$output" = 'io_uring_setup: ENOSYS' ]
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}

@test "a thread that changes the address while the supervisor looks does not win" {
    local governed=$PORT dir=$ORIGIN_DIR linking
    start_origin
    for linking in static dynamic; do
        run -0 --separate-stderr bypass "$linking" race 127.0.0.1 "$governed" "$ORIGIN_PORT"
        [ "$output" = 'connected 1' ]
    done
    assert_clear "$CANARY" # that one is governed by no line
    ORIGIN_DIR=$dir
}

@test "IPv6 and mapped addresses" {
    run -0 --separate-stderr bypass static raw ::ffff:127.0.0.1 "$PORT"
    [[ $output == *"X-Canary: $CANARY"* ]]
    recorded '"destination":"\[::ffff:127.0.0.1\]:'
    run -1 --separate-stderr bypass static raw ::1 "$PORT" # nobody listens there
    [ "$output" = 'connect: ECONNREFUSED' ]
    start_origin --address ::1
    printf '%s\n' "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    run -0 --separate-stderr bypass static raw ::1 "$ORIGIN_PORT"
    [[ $output == *"X-Canary: $CANARY"* ]]
    run -0 --separate-stderr bypass static nonblocking ::1 "$ORIGIN_PORT"
    assert_inside "$CANARY"
}

@test "programs of others, without environment, musl or static" {
    local get="exec 3<>/dev/tcp/127.0.0.1/$PORT; printf '%s' \"\$REQUEST\" >&3; cat <&3"
    run -0 --separate-stderr bare curl -sS -H "X-Canary: $CANARY" "http://localhost:$PORT/headers"
    [[ $output == *"X-Canary: $CANARY"* ]]
    run -0 --separate-stderr strictly env -i REQUEST="$REQUEST" PATH="$PATH" bash-static -c "$get"
    [[ $output == *"X-Canary: $CANARY"* ]]
    run -0 --separate-stderr bare busybox wget -q -O- --header "X-Canary: $CANARY" "http://localhost:$PORT/headers"
    [[ $output == *"X-Canary: $CANARY"* ]]
    run -0 --separate-stderr bare python3 -c "import urllib.request as u
print(u.urlopen(u.Request('http://localhost:$PORT/headers', headers={'X-Canary': '$CANARY'})).read().decode())"
    [[ $output == *"X-Canary: $CANARY"* ]]
    run -0 --separate-stderr bare node -e "require('http').get('http://localhost:$PORT/headers',
        {headers: {'X-Canary': '$CANARY'}, family: 4}, r => r.pipe(process.stdout))"
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
}

@test "a preload that ld.so dropped" {
    run -0 --separate-stderr strictly sh -c 'LD_PRELOAD=/nonexistent.so exec curl -sS -H "X-Canary: $0" "http://localhost:$PORT/headers"' "$CANARY"
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
}

@test "large bodies both ways come through a relay whole" {
    pattern 3000000 >"$TMP/body"
    run -0 --separate-stderr bare curl -sS -H "X-Canary: $CANARY" --data-binary "@$TMP/body" -o "$TMP/back" "http://localhost:$PORT/echo"
    cmp "$TMP/body" "$TMP/back"
    bare curl -sS -o "$TMP/down" "http://localhost:$PORT/bytes/3000000"
    cmp "$TMP/body" "$TMP/down"
}

# ---- refusals --------------------------------------------------------------------------------------------------------

@test "a server that refuses TLS: a reset, a record, and nothing in the clear" {
    start_origin --no-upgrade
    printf '%s\n' "localhost:$ORIGIN_PORT verify try=upgrade ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    run -1 --separate-stderr bypass static raw 127.0.0.1 "$ORIGIN_PORT"
    [ "$output" = 'read: ECONNRESET' ]
    recorded '"action":"blocked"'
    [[ $stderr == *'refused http://localhost'* ]]
}

@test "a destination that the policy rejects, and a policy that cannot be used" {
    printf '%s\n' "localhost:$PORT reject audit=$TMP/audit" >"$TMP/policy.conf"
    run -1 --separate-stderr bypass static raw 127.0.0.1 "$PORT"
    [ "$output" = 'connect: EACCES' ]
    recorded '"action":"blocked".*"tlsup-rejected"'
    printf '%s\n' "localhost:$PORT verfy" >"$TMP/policy.conf"
    TLSUP_POLICY=$TMP/policy.conf run -1 --separate-stderr "$BUILD/tlsup" run --strict -- \
        "$BATS_FILE_TMPDIR/static" raw 127.0.0.1 "$PORT"
    [ "$output" = 'connect: EACCES' ]
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}

@test "secure holds: another name than the rule's is refused" {
    printf '%s\n' "localhost:$PORT secure match=other.test ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    run -1 --separate-stderr bypass static raw 127.0.0.1 "$PORT"
    recorded '"action":"blocked".*"certificate-host-mismatch"'
}

# ---- connects as they are --------------------------------------------------------------------------------------------

# a port at which the kernel drops what comes: its queue is full
silent_port() {
    python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0); keep = []
for i in range(3):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); keep.append(c)
print(s.getsockname()[1], flush=True); time.sleep(60)' >"$TMP/silent" 3>&- &
    PIDS+=("$!")
    wait_for 5 test -s "$TMP/silent"
    read -r SILENT <"$TMP/silent"
}

# same HOW PORT: what it says with and without, in words
same() {
    local plain
    plain=$("$BATS_FILE_TMPDIR/static" "$1" 127.0.0.1 "$2" </dev/null)
    run --separate-stderr bypass static "$1" 127.0.0.1 "$2"
    [ "$output" = "$plain" ] || { diff <(echo "$plain") <(echo "$output") >&2; return 1; }
}

@test "calls that wait: interrupted, restarted, timed out, asked again" {
    local how level
    silent_port
    for level in none verify; do
        printf '%s\n' "localhost:$SILENT,$PORT $level" >"$TMP/policy.conf"
        for how in interrupted restarted timeout; do same "$how" "$SILENT"; done
        same again "$PORT"
    done
}

@test "errors of a dial are connect()'s own" {
    local closed
    closed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' "localhost:$closed verify" >"$TMP/policy.conf"
    run -1 --separate-stderr bypass static raw 127.0.0.1 "$closed"
    [ "$output" = 'connect: ECONNREFUSED' ]
    run -1 --separate-stderr bypass static nonblocking 127.0.0.1 "$closed"
    [ "${lines[0]}" = 'connect EINPROGRESS' ]
    [[ ${lines[1]} == 'out 1 error ECONNRE'* ]] # REFUSED, or RESET if it woke early
}

@test "what is no TCP, no socket or no address is answered as the kernel does" {
    same others 9
}

@test "a process that dies in the middle of a call" {
    silent_port
    printf '%s\n' "localhost:$SILENT,$PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    run --separate-stderr strictly sh -c "timeout -s KILL 0.3 $BATS_FILE_TMPDIR/static raw 127.0.0.1 $SILENT
        exec $BATS_FILE_TMPDIR/static raw 127.0.0.1 $PORT"
    [[ $output == *"X-Canary: $CANARY"* ]]
}

@test "thousands of connects that no line governs" {
    printf '%s\n' 'localhost:9 verify' >"$TMP/policy.conf"
    run -0 --separate-stderr bypass static many 127.0.0.1 "$PORT" 2000
    [ "$output" = 'errors 0' ]
}

# ---- programs that the preload reaches -------------------------------------------------------------------------------

@test "curl, python and node stay inline: their peer is the server itself" {
    run -0 --separate-stderr strictly curl -sS -o "$TMP/out" -w '%{remote_port}' -H "X-Canary: $CANARY" "http://localhost:$PORT/headers"
    [ "$output" = "$PORT" ]
    run -0 --separate-stderr strictly python3 -c "import http.client
c = http.client.HTTPConnection('localhost', $PORT); c.connect(); peer = c.sock.getpeername()[1]
c.request('GET', '/headers', headers={'X-Canary': '$CANARY'}); c.getresponse().read(); print(peer)"
    [ "$output" = "$PORT" ]
    run -0 --separate-stderr strictly node -e "require('http').get('http://localhost:$PORT/headers',
        {headers: {'X-Canary': '$CANARY'}, family: 4}, r => { console.log(r.socket.remotePort); r.resume() })"
    [ "$output" = "$PORT" ]
    assert_inside "$CANARY"
    [ "$(grep -c '"action":"upgraded","result_type":"success","tls' "$TMP/audit")" = 3 ]
}

@test "a child of a program that the preload reaches stays inline with a cleaned environment" {
    local get="curl -sS -o $TMP/out -w %{remote_port} -H 'X-Canary: $CANARY' http://localhost:$PORT/headers"
    run -0 --separate-stderr strictly env -i PATH="$PATH" sh -c "$get"
    [ "$output" = "$PORT" ]
    run -0 --separate-stderr strictly perl -e 'delete $ENV{TLSUP_NET}; system($ARGV[0]) && die' "$get"
    [ "$output" = "$PORT" ]
    assert_inside "$CANARY"
}

@test "a relay that the shim has started dials past the net" {
    run -0 --separate-stderr strictly bash -c 'exec 3<>"/dev/tcp/localhost/$PORT"; printf %s "$REQUEST" >&3; cat <&3'
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
}

# ---- life ------------------------------------------------------------------------------------------------------------

@test "exit status, signals and words of the command" {
    run -7 strictly sh -c 'exit 7'
    run -127 strictly nothing-of-that-name
    [ "$output" = 'tlsup run: nothing-of-that-name: No such file or directory' ]
    run -126 strictly /etc/passwd
    run -143 strictly sh -c 'kill -TERM $$'
    run -137 strictly sh -c 'kill -KILL $$'
    run -0 bash -c 'echo through | "$0" run --strict cat | cat' "$BUILD/tlsup"
    [ "$output" = through ]
}

@test "the command has the signal mask and the ignored signals that it would have" {
    local words='grep -E "Sig(Blk|Ign|Cgt)" /proc/self/status'
    [ "$(strictly sh -c "$words")" = "$(env sh -c "$words")" ]
    [ "$(strictly nohup sh -c "$words" 2>/dev/null)" = "$(nohup sh -c "$words" 2>/dev/null)" ]
    [ "$(nohup "$BUILD/tlsup" run --strict sh -c "$words" 2>/dev/null)" = "$(nohup sh -c "$words" 2>/dev/null)" ]
}

# started COMMAND...: in the background, its pid in FRONT, once it has written to $TMP/ready
started() {
    "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- "$@" </dev/null >"$TMP/out" 2>"$TMP/err" 3>&- &
    FRONT=$!
    PIDS+=("$FRONT")
    wait_for 10 test -s "$TMP/ready"
}
# the one process whose parent is $1
child_of() {
    local children
    read -r -a children <"/proc/$1/task/$1/children"
    echo "${children[0]}"
}
state_is() {
    [[ $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) == "$2" ]]
}

@test "signals that are sent to it reach the command" {
    local name status
    for name in HUP INT TERM USR1; do
        rm -f "$TMP/ready"
        started sh -c "trap 'exit 42' $name; echo yes >$TMP/ready; while :; do sleep 0.05; done"
        # a shell without job control starts what is in the background with SIGINT ignored
        [[ $name == INT ]] && { kill -KILL "$FRONT"; wait "$FRONT" || true; continue; }
        kill "-$name" "$FRONT"
        wait "$FRONT" && status=0 || status=$?
        [ "$status" = 42 ]
    done
}

@test "job control: it stops and goes on as the command does" {
    set -m
    started sh -c "echo \$\$ >$TMP/ready; trap 'exit 9' USR1; while :; do sleep 0.05; done"
    set +m
    local command status
    read -r command <"$TMP/ready"
    kill -TSTP -- "-$FRONT"
    wait_for 5 state_is "$FRONT" T
    wait_for 5 state_is "$command" T
    kill -CONT -- "-$FRONT"
    wait_for 5 state_is "$FRONT" S
    kill -USR1 "$command"
    wait "$FRONT" && status=0 || status=$?
    [ "$status" = 9 ]
}

@test "a ^C in a terminal ends it once" {
    run -0 python3 - "$BUILD/tlsup" "$TMP/policy.conf" <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["tlsup", "run", "-p", sys.argv[2], "--strict", "--", "sh", "-c",
             "trap 'echo caught' INT; echo ready; sleep 1; sleep 0.2; exit 5"])
seen = b""
while b"ready" not in seen:
    seen += os.read(fd, 100)
time.sleep(0.1)
os.write(fd, b"\x03")
try:
    while True:
        more = os.read(fd, 100)
        if not more:
            break
        seen += more
except OSError:
    pass
status = os.waitpid(pid, 0)[1]
assert seen.count(b"caught") == 1 and os.WEXITSTATUS(status) == 5, (seen, status)
END
}

@test "a front that is killed takes the command with it" {
    started sh -c "echo \$\$ >$TMP/ready; exec sleep 50"
    local command
    read -r command <"$TMP/ready"
    kill -KILL "$FRONT"
    wait_for 5 stopped "$command"
}

@test "a supervisor that is killed: connects fail, nothing leaves in the clear" {
    local status
    started sh -c "echo yes >$TMP/ready; until [ -e $TMP/go ]; do sleep 0.05; done; exec $BATS_FILE_TMPDIR/static raw 127.0.0.1 $PORT"
    kill -KILL "$(child_of "$FRONT")"
    touch "$TMP/go"
    wait "$FRONT" && status=0 || status=$?
    [ "$status" = 1 ]
    grep -q 'connect: ENOSYS' "$TMP/out"
    grep -q 'the supervisor was killed' "$TMP/err"
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}

@test "children that live on have their net, and it ends with them" {
    local supervisor
    run -0 --separate-stderr "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- sh -c "(until [ -e $TMP/go ]; do sleep 0.05; done
        exec env -i curl -sS -H 'X-Canary: $CANARY' http://localhost:$PORT/headers) >$TMP/late 2>&1 </dev/null 3>&- & exit 3" </dev/null || true
    [[ $stderr == *'live on, and so does their supervisor, process '* ]]
    supervisor=${stderr##* }
    kill -0 "$supervisor"
    touch "$TMP/go"
    wait_for 10 stopped "$supervisor"
    grep -q "$CANARY" "$TMP/late"
    assert_inside "$CANARY"
}

@test "where there is no net, nothing is started, and why is said" {
    run -125 strictly "$BUILD/tlsup" run --strict echo yes
    [[ $output == *'a supervisor is there already'* && $output != *yes* ]]
    run -125 "$BATS_FILE_TMPDIR/static" forbid 1 - "$BUILD/tlsup" run --strict echo yes
    [[ $output == *'seccomp filters are forbidden here'*'Operation not permitted'* && $output != *yes* ]]
    run -125 "$BATS_FILE_TMPDIR/static" forbid 22 - "$BUILD/tlsup" run --strict echo yes
    [[ $output == *'the kernel has no seccomp user notification'* && $output != *yes* ]]
}
