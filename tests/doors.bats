# SPDX-License-Identifier: MIT
# Doors: ways to reach a connection's descriptor that pass the shim by. Where no relay can be started each refuses with a
# reason, no byte leaves in the clear, and the connection itself stays usable (relay.bats has what relays do). And what is
# no door: duplicates, forks, numbers.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=60

setup_file() {
    compile door share
    mkdir "$BATS_FILE_TMPDIR/no-relay"
    cp "$BUILD"/{tlsup,libtlsup.so,libtlsup-tls.so} "$BATS_FILE_TMPDIR/no-relay"
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    start_origin
    CANARY=canary-$RANDOM-$RANDOM
    printf '%s\n' "localhost:$ORIGIN_PORT ${LEVEL:-verify} ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    export REQUEST=$'GET / HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
}

teardown() {
    assert_no_clear "$CANARY"
    assert_no_clear leak
    stop_all
}

protected() {
    tlsup_run -p "$TMP/policy.conf" -- "$@" </dev/null 2>"$TMP/stderr"
}

# the command that follows, by an installation that lacks the relay
without_relay() {
    not_strict 'nothing is started where there is no relay'
    local BUILD=$BATS_FILE_TMPDIR/no-relay
    "$@"
}

# door WAY LINE...: the calls of that way are these
door() {
    run -0 protected "$BATS_FILE_TMPDIR/door" "$1" "$ORIGIN_PORT"
    shift
    [ "$output" = "$(printf '%s\n' "$@")" ] || {
        printf 'calls:\n%s\nstderr:\n' "$output" >&2
        cat "$TMP/stderr" >&2
        return 1
    }
}

# told REASON: one line on stderr says so
told() {
    grep -Eq "^tlsup: refused http://(localhost|127\.0\.0\.1):$ORIGIN_PORT: $1 \(policy\.conf:1 verify\); tlsup explain " \
        "$TMP/stderr" || { cat "$TMP/stderr" >&2; return 1; }
    [ "$(wc -l <"$TMP/stderr")" = 1 ]
}

# shut REASON [ERRNO]: a record says so too
shut() {
    told "$1"
    jq -se --arg errno "${2:-EOPNOTSUPP}" 'map(select(.event == "decision" and .result_type == "tlsup-bypass-refused") |
        .action == "blocked" and .errno == $errno and .level == "verify") | length > 0 and all' "$TMP/audit" >/dev/null
}

stdio='stdio on its descriptor \(fdopen, 0, 1 or 2\)'
none='and no relay could be started: No such file or directory'
still_works=('send 0' 'answered 0')

# ---- stdio -------------------------------------------------------------------------------------------------------

@test "fdopen" {
    without_relay door fdopen 'connect 0' 'fdopen EOPNOTSUPP' "${still_works[@]}"
    shut "$stdio would pass TLS by, $none"
    assert_inside "$CANARY"
}

@test "fdopen before connect" {
    without_relay door fdopen-before 'fdopen 0' 'connect EOPNOTSUPP' 'flush EPIPE'
    shut "$stdio would pass TLS by, $none"
}

@test "dup2 and dup3 onto 0, 1, 2" {
    local number
    for number in 0 2; do
        without_relay door "dup2-$number" 'connect 0' 'dup2 EOPNOTSUPP' "${still_works[@]}"
        shut "descriptors 0, 1 and 2 are used by stdio, past TLS, $none"
    done
    run -0 without_relay protected "$BATS_FILE_TMPDIR/door" dup2-1 "$ORIGIN_PORT"
    [[ $output == *'dup2 EOPNOTSUPP'*"$CANARY"*'answered 0' ]] # stdout is still what it was
    without_relay door dup3 'connect 0' 'dup3 EOPNOTSUPP' "${still_works[@]}"
}

@test "F_DUPFD and dup that give 0" {
    without_relay door dupfd-low 'connect 0' 'dupfd EOPNOTSUPP' 'dup EOPNOTSUPP' "${still_works[@]}"
    # no record: with 0 closed, the file of the sink would take its number, and is not opened
    told "descriptors 0, 1 and 2 are used by stdio, past TLS, $none"
}

@test "connect on descriptor 0" {
    without_relay door connect-low 'socket 0' 'connect EOPNOTSUPP' 'send EOPNOTSUPP'
    told "$stdio would pass TLS by, $none"
}

@test "bash: exec 3<>/dev/tcp, printf >&3" {
    not_strict 'nothing is started where there is no relay'
    # shellcheck disable=SC2016 # for the inner shell
    run without_relay protected bash -c 'exec 3<>"/dev/tcp/localhost/$0" && printf %s "$REQUEST" >&3 && cat <&3' "$ORIGIN_PORT"
    [ "$status" -ne 0 ]
    grep -q ': Operation not supported$' "$TMP/stderr"
    grep -q "^tlsup: refused http://localhost:$ORIGIN_PORT: descriptors 0, 1 and 2 are used by stdio, past TLS, $none" "$TMP/stderr"
}

@test "busybox wget, which uses fdopen" {
    not_strict 'nothing is started where there is no relay'
    run without_relay protected busybox wget -q -O - --header "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/"
    [ "$status" -ne 0 ]
    grep -q "^tlsup: refused http://localhost:$ORIGIN_PORT: stdio on its descriptor (fdopen, 0, 1 or 2)" "$TMP/stderr"
}

# ---- other programs ----------------------------------------------------------------------------------------------

@test "posix_spawn_file_actions_adddup2" {
    without_relay door spawn 'connect 0' 'adddup2 EOPNOTSUPP' "${still_works[@]}"
    shut 'its descriptor was about to be given to a child \(posix_spawn\), past TLS, '"$none"
}

@test "exec loses the descriptor, whatever the program asked" {
    door exec 'connect 0' 'getfd 0' 'child 0' "${still_works[@]}"
    door exec-open 'connect 0' 'warm 0' 'setfd 0' 'getfd 0' 'child 0' "${still_works[@]}"
}

@test "SCM_RIGHTS" {
    without_relay door rights 'connect 0' 'sendmsg EACCES' 'sendmmsg EACCES' 'harmless 1' "${still_works[@]}"
    shut 'its descriptor was about to be sent to another process \(SCM_RIGHTS\), past TLS, '"$none" EACCES
}

# ---- other calls -------------------------------------------------------------------------------------------------

@test "a ring, while a rule must be kept" {
    not_strict 'there it is ENOSYS whatever the policy says'
    local rule without
    door ring 'io_uring_setup ENOSYS'
    without=$("$BATS_FILE_TMPDIR/door" ring "$ORIGIN_PORT")
    [[ $without != *ENOSYS ]] # else this test could not fail
    for rule in 'none audit=none' 'may audit=none' 'verify mode=testing audit=none'; do
        echo "localhost:$ORIGIN_PORT $rule" >"$TMP/policy.conf"
        door ring "$without"
    done
    printf '%s\n' 'localhost none audit=none' 'elsewhere.example encrypt audit=none' >"$TMP/policy.conf"
    door ring 'io_uring_setup ENOSYS'
    # no policy that could be used: connect() is refused, and so is this (the command would not start it)
    [[ -z $(sanitizer_runtime) ]] || return 0 # a sanitized object is not loaded by LD_PRELOAD alone
    echo nonsense >"$TMP/policy.conf"
    run -0 env LD_PRELOAD="$BUILD/libtlsup.so" TLSUP_POLICY="$TMP/policy.conf" "$BATS_FILE_TMPDIR/door" ring "$ORIGIN_PORT"
    [ "$output" = 'io_uring_setup ENOSYS' ]
}

@test "urgent data" {
    door oob 'connect 0' 'send EOPNOTSUPP' 'recv EINVAL' "${still_works[@]}"
}

@test "syscall() is no way past" {
    door syscall 'connect 0' 'write 0' 'read 0'
    assert_inside "$CANARY"
}

# ---- duplicates and numbers --------------------------------------------------------------------------------------

@test "duplicates made before connect are protected" {
    door dup-before 'connect 0' 'same 0' 'send 0' 'recv 0'
    assert_inside "$CANARY"
}

@test "duplicates made after it too" {
    door dup-after 'connect 0' 'dup2 50' "${still_works[@]}"
    assert_inside "$CANARY"
}

@test "a number that comes back for something else is left alone" {
    not_below "its read is the kernel's"
    door reuse-other 'connect 0' 'warm 0' 'close 0' 'reused 0' 'write 5' 'read 5' 'same 0'
    wait_event 'conn 1 close-notify-received'
}

@test "a number that comes back after a close that nobody saw" {
    door reuse-dial 'connect 0' 'warm 0' 'close 0' 'connect 0' 'reused 0' "${still_works[@]}"
    assert_inside "$CANARY"
}

# ---- exit() without close() ----------------------------------------------------------------------------------------

@test "exit() says goodbye" {
    not_below "close_notify is tried once, whatever the socket says"
    door leave 'connect 0' 'warm 0'
    wait_event 'conn 1 close-notify-received'
    [ "$(jq -r 'select(.event == "close").closed' "$TMP/audit")" = local ]
}

@test "a request that is fired and forgotten arrives" {
    local way
    for way in leave-fired leave-fired-nonblocking; do
        door "$way" 'connect 0' 'send 0'
        wait_for 5 assert_inside "$CANARY"
        : >"$ORIGIN_DIR/inside.log"
    done
}

# leave_full WAY: over a connection that nobody reads for a while
leave_full() {
    stop_origin
    printf '%s\n' 'on 1-:' expect-head 101 tls options-answer tls-expect-head \
        'tls-send "HTTP/1.1 100 Continue\r\n\r\n"' 'sleep 500' 'expect 99999999' >"$TMP/script"
    start_origin --script "$TMP/script"
    printf '%s\n' "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    run -0 protected "$BATS_FILE_TMPDIR/door" "$1" "$ORIGIN_PORT"
    [ "${lines[*]:0:3}" = 'connect 0 head 0 full 0' ]
    last=$(printf 'leak%995d' "${lines[3]#last block }")
}

@test "what send() took arrives, though the program closed a full connection at once" {
    local last
    leave_full leave-full
    wait_event 'conn 1 closed'
    assert_inside "$last"
}

@test "a full connection that is closed to abort it is" {
    local last
    leave_full leave-full-abort
    wait_event 'conn 1 closed'
    run ! assert_inside "$last"
}

# ---- two processes -----------------------------------------------------------------------------------------------

@test "fork: a child that closes leaves the connection to the parent" {
    door fork-parent 'connect 0' 'warm 0' 'child 0' "${still_works[@]}"
    assert_inside "$CANARY"
}

@test "fork: the child goes on, so the parent may not" {
    door fork-child 'connect 0' 'warm 0' "${still_works[@]}" 'child 0' 'send ECONNRESET' 'recv ECONNRESET'
    [ "$(grep -aFc "$CANARY" "$ORIGIN_DIR/inside.log")" = 1 ]
}

@test "fork before the first byte: the child is upgraded" {
    door fork-before-bytes 'connect 0' "${still_works[@]}" 'child 0'
    assert_inside "$CANARY"
}

# a socket that both processes have from before connect()
@test "fork before connect: the process that did not dial is governed as well" {
    local way
    for way in child-dials child-dials-stdio parent-dials child-dials-exec; do
        run "$BATS_FILE_TMPDIR/share" "$way" "$ORIGIN_PORT" </dev/null
        plain=$output
        [[ $plain == *'HTTP/1.1 200 OK'* ]]
        : >"$ORIGIN_DIR/clear.log"
        run -0 protected "$BATS_FILE_TMPDIR/share" "$way" "$ORIGIN_PORT"
        [ "$output" = "$plain" ] || { diff <(echo "$plain") <(echo "$output") >&2; cat "$TMP/stderr" >&2; false; }
        assert_inside "$CANARY"
        assert_no_clear "$CANARY"
        : >"$ORIGIN_DIR/inside.log"
    done
    run -0 protected "$BATS_FILE_TMPDIR/share" both "$ORIGIN_PORT"
    [[ $output == *$'child: HTTP/1.1 200 OK\nparent: write ECONNRESET'* ]] # one session has one user
}

@test "vfork: a child that changes descriptors does not harm the parent" {
    door vfork 'connect 0' 'warm 0' 'child 0' "${still_works[@]}"
    assert_inside "$CANARY"
}

@test "python's subprocess beside a connection that is kept alive" {
    cat >"$TMP/keep.py" <<'PY'
import http.client, subprocess, sys
c = http.client.HTTPConnection("localhost", int(sys.argv[1]))
for i in range(3):
    c.request("GET", "/bytes/100", headers={"X-Canary": sys.argv[2]})
    assert len(c.getresponse().read()) == 100
    for fds in True, False:
        assert subprocess.run(["echo", "x"], close_fds=fds, stdout=subprocess.PIPE).stdout == b"x\n"
        assert subprocess.call("true", close_fds=fds) == 0
print("fine")
PY
    run -0 protected python3 "$TMP/keep.py" "$ORIGIN_PORT" "$CANARY"
    [ "$output" = fine ]
    [ "$(grep -c ' accept' "$ORIGIN_DIR/events.log")" = 1 ]
    assert_inside "$CANARY"
}
