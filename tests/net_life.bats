# SPDX-License-Identifier: MIT
# tlsup run --strict: the command lives and ends as it would without.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
load net

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

@test "an interactive shell: ^Z stops it, fg goes on, ^C ends it, its status is seen" {
    run -0 timeout 50 python3 - "$BUILD/tlsup" "$TMP/policy.conf" <<'END'
import os, pty, re, select, sys, time
tlsup, policy = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["PS1"] = "ready> "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
seen = b""
def until(text):
    global seen
    end = time.time() + 10
    while not re.search(text, seen):
        assert select.select([fd], [], [], max(0, end - time.time()))[0], (text, seen)
        seen += os.read(fd, 1000)
    seen = seen[re.search(text, seen).end():]
def say(text):
    os.write(fd, text)
until(b"ready> ")
say(b"stty -echo\n"); until(b"ready> ")
run = f"{tlsup} run -p {policy} --strict ".encode()
say(run + b"sh -c 'echo be${0}gun; exec sleep 30' ''\n"); until(b"begun")
time.sleep(0.1); say(b"\x1a"); until(b"Stopped"); until(b"ready> ")
say(b"jobs\n"); until(b"Stopped"); until(b"ready> ")
say(b"bg\n"); until(b"ready> "); say(b"fg\n"); time.sleep(0.2)
say(b"\x03"); until(b"ready> ")
say(b"echo status=$?\n"); until(b"status=130"); until(b"ready> ")
# reading from the terminal, which only the group in front of it may
say(run + b"sh -c 'read line; echo got $line; exit 4'\n"); time.sleep(0.3); say(b"words\n"); until(b"got words"); until(b"ready> ")
say(b"echo status=$?\n"); until(b"status=4"); until(b"ready> ")
say(run + b"sleep 30\n"); time.sleep(0.3); say(b"\x1c"); until(b"Quit"); until(b"ready> ")
say(b"exit\n")
END
}

@test "pipelines end as they would: what writes to nobody, what reads the end" {
    local how wanted=$'141 0\n0 0 0'
    [ "$(bash -c 'yes | head -n 1 >/dev/null; echo "${PIPESTATUS[*]}"; printf x | cat | cat >/dev/null; echo "${PIPESTATUS[*]}"')" = "$wanted" ]
    run -0 bash -c '"$0" run --strict yes | head -n 1 >/dev/null; echo "${PIPESTATUS[*]}"
        printf x | "$0" run --strict cat | "$0" run --strict cat >/dev/null; echo "${PIPESTATUS[*]}"' "$BUILD/tlsup"
    [ "$output" = "$wanted" ]
}

@test "nohup: a hangup of the terminal's group is not its end" {
    rm -f "$TMP/ready"
    set -m
    nohup "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- sh -c "echo \$\$ >$TMP/ready; until [ -e $TMP/go ]; do sleep 0.05; done; exit 6" \
        </dev/null >"$TMP/out" 2>"$TMP/err" 3>&- &
    FRONT=$!
    set +m
    PIDS+=("$FRONT")
    wait_for 10 test -s "$TMP/ready"
    kill -HUP -- "-$FRONT"
    sleep 0.2
    touch "$TMP/go"
    local status
    wait "$FRONT" && status=0 || status=$?
    [ "$status" = 6 ]
}

@test "in a container, and one below it" {
    unshare -Urmpf --mount-proc true 2>/dev/null || skip 'no user namespaces here'
    run -0 --separate-stderr unshare -Urmpf --mount-proc "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- \
        "$BATS_FILE_TMPDIR/static" raw 127.0.0.1 "$PORT" </dev/null
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
    : >"$ORIGIN_DIR/inside.log"
    run -0 --separate-stderr strictly unshare -Urmpf --mount-proc "$BATS_FILE_TMPDIR/static" raw 127.0.0.1 "$PORT"
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
    run -7 strictly unshare -Urmpf --mount-proc sh -c 'exit 7'
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

@test "a supervisor that is killed in the middle of a transfer: it goes on inside TLS, and is the last" {
    local supervisor status
    REQUEST=$'GET /slow/1500 HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
    started sh -c "echo yes >$TMP/ready; $BATS_FILE_TMPDIR/static raw 127.0.0.1 $PORT; echo \"status \$?\"; $BATS_FILE_TMPDIR/static raw 127.0.0.1 $PORT"
    supervisor=$(child_of "$FRONT")
    wait_event 'request GET /slow/1500 .* tls=1'
    kill -KILL "$supervisor"
    wait "$FRONT" && status=0 || status=$?
    [ "$status" = 1 ]
    grep -q '^HTTP/1.1 200 OK' "$TMP/out"
    grep -qx 'status 0' "$TMP/out"
    grep -q 'connect: ENOSYS' "$TMP/out"
    assert_inside "$CANARY"
}

@test "a supervisor that is killed in the middle of a connect: the call ends with an error" {
    local how supervisor status
    silent_port
    printf '%s\n' "localhost:$SILENT,$PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    for how in raw nonblocking; do
        rm -f "$TMP/ready"
        started sh -c "echo yes >$TMP/ready; exec $BATS_FILE_TMPDIR/static $how 127.0.0.1 $SILENT"
        supervisor=$(child_of "$FRONT")
        wait_for 5 relay_of "$supervisor"
        kill -KILL "$supervisor"
        wait "$FRONT" && status=0 || status=$?
        [ "$status" = 1 ]
        if [[ $how == raw ]]; then
            grep -qx 'connect: ENOSYS' "$TMP/out"
        else
            grep -q 'error [E1]' "$TMP/out"
        fi
    done
}
relay_of() {
    [[ $(cat /proc/"$1"/task/"$1"/children 2>/dev/null) == *' '[0-9]* ]]
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

@test "the supervisor holds nothing open that the command inherited" {
    local supervisor
    mkfifo "$TMP/pipe"
    "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- sh -c "timeout 20 sh -c 'until [ -e $TMP/go ]; do sleep 0.05; done' 5>&- & echo said >&5" \
        </dev/null >"$TMP/out" 2>"$TMP/err" 3>&- 5>"$TMP/pipe" &
    PIDS+=("$!")
    run -0 timeout 5 cat "$TMP/pipe" # which ends when nobody has the other end any more
    [ "$output" = said ]
    wait_for 5 grep -q 'live on' "$TMP/err"
    supervisor=$(sed -n 's/.*process //p' "$TMP/err")
    touch "$TMP/go"
    wait_for 5 stopped "$supervisor"
}

@test "where there is no net, nothing is started, and why is said" {
    run -125 strictly "$BUILD/tlsup" run --strict echo yes
    [[ $output == *'a supervisor is there already'* && $output != *yes* ]]
    run -125 "$BATS_FILE_TMPDIR/static" forbid 1 - "$BUILD/tlsup" run --strict echo yes
    [[ $output == *'seccomp filters are forbidden here'*'Operation not permitted'* && $output != *yes* ]]
    run -125 "$BATS_FILE_TMPDIR/static" forbid 22 - "$BUILD/tlsup" run --strict echo yes
    [[ $output == *'the kernel has no seccomp user notification'* && $output != *yes* ]]
}
