# SPDX-License-Identifier: MIT
# Relays: a descriptor that goes through a door is carried by a process of its own from there on. Whatever the program does
# with it gives what it gives over plain TCP, and no byte of it leaves in the clear, before or after.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=90

setup_file() {
    compile escape
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    CANARY=canary-$RANDOM-$RANDOM
    case $BATS_TEST_DESCRIPTION in *'(script)'*) ;; *) serve ;; esac
}

# serve [STEPS]: an origin, honest or scripted, and the policy for it
serve() {
    if (($#)); then
        printf 'on 1:\n%s\n' "${1//; /$'\n'}" >"$TMP/script"
        start_origin --make-cert 'other san=dns:other.test' --script "$TMP/script"
    else
        start_origin
    fi
    printf '%s\n' "localhost:$ORIGIN_PORT ${RULE:-verify ca=$ORIGIN_CA} audit=$TMP/audit" >"$TMP/policy.conf"
    ask /bytes/3000
    export ORIGIN_PORT
}

# ask TARGET: the request that is sent
ask() {
    export REQUEST=$'GET '$1$' HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
}

teardown() {
    local status=0
    assert_no_clear "$CANARY" || status=1
    wait_for 8 no_relay || status=1
    stop_all
    return "$status"
}

protected() {
    tlsup_run -p "$TMP/policy.conf" -- "$@" </dev/null 2>"$TMP/stderr"
}

# with a canary of its own: what is fired and forgotten may arrive when the log has been emptied
plainly() {
    REQUEST=${REQUEST//"$CANARY"/plain} "$@" </dev/null 2>"$TMP/stderr"
}

# same COMMAND...: under the shim it says and returns what it does without
same() {
    local plain
    run plainly "$@"
    plain="$status: $output"
    : >"$ORIGIN_DIR/clear.log" # that was not secret
    run protected "$@"
    [ "$status: $output" = "$plain" ] || {
        diff <(printf '%s\n' "$plain") <(printf '%s: %s\n' "$status" "$output") >&2
        cat "$TMP/stderr" >&2
        return 1
    }
}

# ---- every door in every state -----------------------------------------------------------------------------------

# doors STATE DOOR...
doors() {
    local state=$1 door
    shift
    for door; do
        : >"$ORIGIN_DIR/inside.log"
        same "$BATS_FILE_TMPDIR/escape" "$state" "$door" "$ORIGIN_PORT" || {
            echo "door $door" >&2
            return 1
        }
        wait_for 5 assert_inside "$CANARY" 2>/dev/null
        [[ $door == close ]] || assert_no_clear 'GET /' # not a part of it either; of that door a plain one may come late
    done
}
all=(fdopen dup2-0 dup2-2 stdout dup3 dup dupfd spawn setfd fionclex exec child-stdio rights splice sendfile aio dprintf epoll
    close)

@test "no byte was sent yet" {
    doors candidate "${all[@]}"
}
@test "half a request is held" {
    doors partial "${all[@]}"
}
@test "TLS is up and in use" {
    doors open "${all[@]}"
}
@test "connect on descriptor 0" {
    local doors=" ${all[*]} "
    doors=${doors/ dup dupfd / } # which close 0 first
    # shellcheck disable=SC2086 # words
    doors low $doors
}
@test "a FILE from before connect" {
    doors stream "${all[@]}"
}
@test "stdout, or a FILE, on a duplicate from before connect, and after a connect that failed" {
    local state
    for state in low-dup stream-dup stream-again; do
        doors "$state" dprintf dup2-0 dup exec sendfile
    done
}

# ---- programs ----------------------------------------------------------------------------------------------------

@test "bash" {
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; cat <&3 | sed /^Date/d'
    assert_inside "$CANARY"
    same bash -c '(exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; exec cat <&3) | sed /^Date/d'
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        while IFS= read -r line; do printf "%s\n" "$line"; done <<<"$REQUEST" >&3
        while IFS= read -r line <&3; do case $line in Date*) ;; [A-Z]*) echo "$line" ;; *) break ;; esac; done'
}

@test "both records of a connection, in the program's name" {
    same bash -c '(exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; exec cat <&3) | sed /^Date/d'
    wait_for 8 no_relay
    [ "$(jq -r .event "$TMP/audit" | xargs)" = 'decision close' ]
    [ "$(jq -r .exe "$TMP/audit" | sort -u)" = "$(readlink -f "$(command -v bash)")" ]
}

@test "a shell's own children, traps and jobs" {
    same bash -c 'set -m; n=0; trap "n=\$((n + 1))" CHLD
        exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3
        sleep 0.3 & sleep 0.2 & jobs | wc -l; wait -n; wait
        head -c 12 <&3; echo; wait; echo "$?"; jobs | wc -l; echo "$n"'
    assert_inside "$CANARY"
}

@test "busybox wget, gawk, tnftp" {
    same busybox wget -q -O - --header "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/bytes/3000"
    assert_inside "$CANARY"
    same gawk 'BEGIN { s = "/inet/tcp/0/localhost/" ENVIRON["ORIGIN_PORT"]; printf "%s", ENVIRON["REQUEST"] |& s
        while ((s |& getline line) > 0) if (line !~ /^Date/) print line; close(s) }'
    same tnftp -o - "http://localhost:$ORIGIN_PORT/bytes/3000?$CANARY"
}

@test "php: its streams" {
    same php -n -r 'echo md5(file_get_contents($argv[1], false, stream_context_create(["http" => ["header" => $argv[2]]])));' \
        "http://localhost:$ORIGIN_PORT/bytes/3000" "X-Canary: $CANARY"
    assert_inside "$CANARY"
}

@test "php's curl, an extension that is bound deeply" {
    if [[ -n $(sanitizer_runtime) ]]; then skip "sanitizers refuse RTLD_DEEPBIND"; fi
    same php -r '$c = curl_init($argv[1]); curl_setopt($c, CURLOPT_HTTPHEADER, [$argv[2]]); curl_exec($c);' \
        "http://localhost:$ORIGIN_PORT/bytes/3000" "X-Canary: $CANARY"
    assert_inside "$CANARY"
}

@test "requests that are typed: nc, ncat, socat, telnet" {
    not_below "nc.traditional ends when its select() is interrupted"
    local client
    typed() { printf %s "$REQUEST" | (cat; sleep 0.5) | "$@" localhost "$ORIGIN_PORT" | sed '/^Date/d' | md5sum; }
    for client in nc.openbsd 'nc.traditional' ncat; do
        export -f typed
            same bash -c 'typed $0' "$client"
        assert_inside "$CANARY"
    done
    same bash -c '(printf %s "$REQUEST"; sleep 0.5) | socat - TCP:localhost:$ORIGIN_PORT | sed /^Date/d | md5sum'
    same bash -c '(sleep 0.3; printf %s "$REQUEST"; sleep 0.7) | telnet localhost $ORIGIN_PORT | tail -c 100 | md5sum'
}

@test "socat's children" {
    cat >"$TMP/child" <<'SH'
printf %s "$REQUEST"
sed /^Date/d >&2
SH
    same bash -c 'socat "TCP:localhost:$ORIGIN_PORT" "EXEC:sh $0/child,nofork" 2>&1' "$TMP"
    assert_inside "$CANARY"
    same bash -c 'socat "TCP:localhost:$ORIGIN_PORT" "EXEC:sh $0/child" 2>&1' "$TMP"
}

@test "python gives its socket to children" {
    not_below "its children do not look how much os.write() gave"
    cat >"$TMP/give.py" <<'PY'
import os, socket, subprocess, sys
for how in "stdin", "pass_fds", "inheritable":
    s = socket.create_connection(("localhost", int(os.environ["ORIGIN_PORT"])))
    talk = "import os,sys; n=int(sys.argv[1]); os.write(n, os.environb[b'REQUEST']); d=b''\n" \
           "while True:\n b=os.read(n,65536)\n d+=b\n if not b: break\nprint(len(d))"
    n = s.fileno()
    if how == "stdin":
        r = subprocess.run([sys.executable, "-c", talk, "0"], stdin=s)
    elif how == "pass_fds":
        r = subprocess.run([sys.executable, "-c", talk, str(n)], pass_fds=[n])
    else:
        os.set_inheritable(n, True)
        r = subprocess.run([sys.executable, "-c", talk, str(n)], close_fds=False)
    print(how, r.returncode, flush=True)
    s.close()
PY
    same python3 "$TMP/give.py"
    assert_inside "$CANARY"
}

@test "a copy is made while other threads are busy with TLS" {
    cat >"$TMP/threads.py" <<'PY'
import http.client, os, threading
port = int(os.environ["ORIGIN_PORT"])
stop, bad = False, []
def busy():
    while not stop:
        try:
            c = http.client.HTTPConnection("localhost", port)
            for i in range(3):
                c.request("GET", "/bytes/20000")
                assert len(c.getresponse().read()) == 20000
            c.close()
        except Exception as e:
            bad.append(e)
threads = [threading.Thread(target=busy) for i in range(6)]
for t in threads: t.start()
for i in range(30):
    c = http.client.HTTPConnection("localhost", port)
    c.request("GET", "/bytes/10")
    assert len(c.getresponse().read()) == 10
    os.set_inheritable(c.sock.fileno(), True)
    c.request("GET", "/bytes/100000", headers={"X-Canary": os.environ["CANARY"]})
    assert len(c.getresponse().read()) == 100000
    c.close()
stop = True
for t in threads: t.join()
print("fine", bad)
PY
    export CANARY
    same python3 "$TMP/threads.py"
    [ "$output" = 'fine []' ]
    assert_inside "$CANARY"
}

# ---- what a relay is ---------------------------------------------------------------------------------------------

# looked_at PID: what there is to see of it, once it has settled
looked_at() {
    echo "parent $(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status")"
    echo "session $(cut -d' ' -f6 "/proc/$1/stat")"
    find "/proc/$1/fd" -type l -printf '%f\n' 2>/dev/null | sort -n | xargs
    tr '\0' ' ' <"/proc/$1/cmdline"
}
one_relay() {
    pid=$(relays) && [[ $pid != *$'\n'* && $(find "/proc/$pid/fd" -type l 2>/dev/null | wc -l) == 6 ]] &&
        [[ $(readlink "/proc/$pid/fd/2") == /dev/null ]]
}

@test "a relay belongs to nobody, holds nothing else, and says what it is" {
    local state pid child
    ask /slow/4000
    for state in candidate open; do
        protected "$BATS_FILE_TMPDIR/escape" "$state" dup2-0 "$ORIGIN_PORT" >"$TMP/out" 9<"$TMP/policy.conf" 3>&- &
        child=$!
        PIDS+=("$child")
        wait_for 3 one_relay
        run looked_at "$pid"
        [[ ${lines[0]} != "parent $child" ]]
        [ "${lines[1]}" = "session $pid" ]
        [ "${lines[2]}" = '0 1 2 3 4 5' ]
        if [ "$state" = candidate ]; then
            [[ ${lines[3]} == */libtlsup-relay\ http://*:$ORIGIN_PORT\ * ]]
        else
            [[ ${lines[3]} == tlsup-relay\ * ]]
        fi
        wait "$child"
        grep -q '200 OK, body' "$TMP/out"
        wait_for 8 no_relay
    done
    assert_inside "$CANARY"
}

@test "a relay outlives its program, and ends with the connection" {
    protected bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3
        (sleep 0.5; cat <&3 >"$0/late") & exit 0' "$TMP" 3>&-
    wait_for 5 grep -aq '200 OK' "$TMP/late"
    assert_inside "$CANARY"
}

@test "stderr is let go of once there is nothing left to say" {
    ask /slow/2000
    protected bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; sleep 0.5' 3>&-
    [ ! -s "$TMP/stderr" ]
    assert_inside "$CANARY"
}

@test "a large body, down and up" {
    ask /bytes/20000000
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; sed "1,/^\r$/d" <&3 | md5sum'
    assert_inside "$CANARY"
    same bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"
        printf "POST /echo HTTP/1.1\r\nHost: localhost\r\nX-Canary: $0\r\nContent-Length: 3000000\r\n" >&3
        printf "Connection: close\r\n\r\n" >&3
        head -c 3000000 /dev/zero >&3 & sed "1,/^\r$/d" <&3 | md5sum' "$CANARY"
}

# ---- when it goes wrong ------------------------------------------------------------------------------------------

@test "refused: the program gets a reset, and stderr the reason (script)" {
    serve 'expect-head; send "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"; fin'
    run -1 protected bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; cat <&3'
    grep -q '^cat: .*Connection reset by peer' "$TMP/stderr"
    grep -q "^tlsup: refused http://localhost:$ORIGIN_PORT: .*400" "$TMP/stderr"
    [ "$(jq -r 'select(.event == "decision") | .action + " " + .errno' "$TMP/audit")" = 'blocked EACCES' ]
    [[ $(jq -r .exe "$TMP/audit") == */bash ]]
}

@test "wrong certificate (script)" {
    serve 'expect-head; 101; tls cert=other; fin'
    run -1 protected bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; cat <&3'
    grep -q '^cat: .*Connection reset by peer' "$TMP/stderr"
    [ "$(jq -r '.errno' "$TMP/audit")" = EKEYREJECTED ]
}

@test "a truncated answer is an error, no end (script)" {
    local steps='expect-head; 101; tls; options-answer; tls-expect-head'
    steps+='; tls-send "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"; fin'
    serve "$steps"
    run -0 protected "$BATS_FILE_TMPDIR/escape" candidate dup2-0 "$ORIGIN_PORT"
    [ "${lines[-1]}" = 'HTTP/1.1 200 OK, body 10 '"$(grep -o 'body 10 [0-9]*' <<<"$output" | cut -d' ' -f3)"', ECONNRESET' ]
    assert_inside "$CANARY"
}

@test "truncated while a copy holds the session (script)" {
    local steps='expect-head; 101; tls; options-answer; tls-expect-head'
    steps+='; tls-send "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n01234"; tls-expect-head'
    steps+='; tls-send "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"; fin'
    serve "$steps"
    run -0 protected "$BATS_FILE_TMPDIR/escape" open dup2-0 "$ORIGIN_PORT"
    [[ ${lines[-1]} == *', ECONNRESET' ]]
    assert_inside "$CANARY"
}

@test "a number that cannot be replaced: the connection ends, and no byte leaves" {
    cat >"$TMP/limit.py" <<'PY'
import fcntl, os, resource, socket
s = socket.create_connection(("localhost", int(os.environ["ORIGIN_PORT"])))
n = fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 70)
s.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)) # dup2() onto 70 fails from here on
try:
    fcntl.ioctl(n, 0x5451) # FIOCLEX
    fcntl.ioctl(n, 0x5450) # FIONCLEX: a door
    print("kept")
except OSError as e:
    print("not kept")
pid = os.fork()
if pid == 0:
    os.execv("/bin/sh", ["sh", "-c", "printf %s \"$REQUEST\" >/proc/self/fd/70; printf %s \"$REQUEST\" >&70"])
os.waitpid(pid, 0)
try:
    os.write(n, os.environb[b"REQUEST"])
    print(os.read(n, 12))
except OSError as e:
    print("error")
PY
    run -0 protected python3 "$TMP/limit.py"
    [ "${lines[0]}" = 'not kept' ]
}

@test "may: the clear, by a relay as well (script)" {
    RULE=may serve 'serve no-upgrade'
    CANARY=none # it may
    run -0 protected bash -c 'exec 3<>"/dev/tcp/localhost/$ORIGIN_PORT"; printf %s "$REQUEST" >&3; head -n 1 <&3'
    [[ $output == 'HTTP/1.1 200 OK'* ]]
    [ "$(jq -r .action "$TMP/audit")" = allowed-plain ]
}
