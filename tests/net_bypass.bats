# SPDX-License-Identifier: MIT
# tlsup run --strict: what a preload does not reach is upgraded all the same, or refused with a record.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
load net

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
    fi
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}

@test "x32: no service, and a record where it was for a governed destination" {
    [[ $(uname -m) == x86_64 ]] || skip 'another machine'
    run -1 --separate-stderr bypass static x32 127.0.0.1 "$PORT"
    [ "$output" = 'connect: ENOSYS' ]
    recorded '"destination":"127.0.0.1:'"$PORT"'".*"action":"blocked".*"tlsup-bypass-refused".*x32.*"ENOSYS"'
    [[ $stderr == *"refused http://127.0.0.1:$PORT: a system call of the x32 ABI"* ]]
    : >"$TMP/audit"
    run -1 --separate-stderr bypass static x32-fastopen 127.0.0.1 "$PORT"
    [ "$output" = 'sendto: ENOSYS' ]
    recorded '"destination":"127.0.0.1:'"$PORT"'".*x32.*"ENOSYS"'
    : >"$TMP/audit"
    for port in 9 0; do # no line has them
        run -1 --separate-stderr bypass static x32 127.0.0.1 "$port"
        [ "$output" = 'connect: ENOSYS' ]
    done
    run -0 --separate-stderr bypass static x32-others 127.0.0.1 "$PORT"
    [ "$output" = $'getppid ENOSYS\nsend ENOSYS\nudp ENOSYS\nfile ENOSYS' ]
    [ ! -s "$TMP/audit" ]
    [ ! -s "$ORIGIN_DIR/clear.log" ]
}

@test "a program of 32 bits, by its connect() and by socketcall()" {
    [[ $(uname -m) == x86_64 ]] || skip 'another machine'
    local how
    gcc -m32 -std=gnu11 -O1 -ffreestanding -fno-pic -fno-pie -no-pie -fno-stack-protector -nostdlib -static \
        -o "$TMP/small" "$ROOT/tests/clients/small.c"
    for how in c s; do
        : >"$TMP/audit"
        run -0 --separate-stderr strictly "$TMP/small" "$how" "$PORT" "$REQUEST"
        [[ $output == *"X-Canary: $CANARY"* ]]
        recorded '"exe":"'"$TMP"'/small".*"action":"upgraded"'
    done
    printf '%s\n' "localhost:$PORT reject audit=$TMP/audit" >"$TMP/policy.conf"
    for how in c s; do
        : >"$TMP/audit"
        run -13 --separate-stderr strictly "$TMP/small" "$how" "$PORT" "$REQUEST" # EACCES
        recorded '"exe":"'"$TMP"'/small".*"action":"blocked".*"tlsup-rejected"'
    done
}

@test "io_uring: no ring, and a record for each program if a rule has to be kept" {
    local n
    printf '%s\n' "defaults - audit=$TMP/audit" "localhost:$PORT verify ca=$ORIGIN_CA" >"$TMP/policy.conf"
    run -1 --separate-stderr strictly sh -c '"$0" ring 127.0.0.1 1; "$0" rings 127.0.0.1 1' "$BATS_FILE_TMPDIR/static"
    [ "$output" = $'io_uring_setup: ENOSYS\nio_uring_setup: ENOSYS\nio_uring_setup: ENOSYS' ]
    [ -z "$stderr" ]
    n=$(jq -r 'select(.event == "decision" and .action == "blocked" and .result_type == "tlsup-bypass-refused" and .errno == "ENOSYS"
        and (.reason | startswith("io_uring_setup")) and (has("destination") | not)) | .exe' "$TMP/audit" | grep -cx "$BATS_FILE_TMPDIR/static")
    [ "$n" = 2 ]
    # it is none of the connections that are counted, and no damage
    run -0 --separate-stderr "$BUILD/tlsup" report "$TMP/audit"
    [ -z "$stderr" ]
    [[ $output == *'0 connections to 0 destinations'* ]]
    : >"$TMP/audit"
    printf '%s\n' "defaults - audit=$TMP/audit" "localhost:$PORT may" >"$TMP/policy.conf"
    run -1 --separate-stderr bypass static ring 127.0.0.1 1
    [ "$output" = 'io_uring_setup: ENOSYS' ]
    [ ! -s "$TMP/audit" ]
}

@test "a thread that changes the address while the supervisor looks does not win, in thousands of rounds" {
    local governed=$PORT dir=$ORIGIN_DIR plain
    start_origin
    plain=$("$BATS_FILE_TMPDIR/static" race 127.0.0.1 "$ORIGIN_PORT" 9 2>/dev/null)
    [[ $plain == *' leaks '[1-9]* ]] # without, it would, and it would be seen
    wait_for 5 grep -q "$CANARY" "$ORIGIN_DIR/clear.log"
    start_origin
    run -0 --separate-stderr bypass static race 127.0.0.1 "$governed" "$ORIGIN_PORT"
    echo "$stderr" >&2
    [ "$output" = 'raced 1 errors 0 leaks 0' ]
    ORIGIN_DIR=$dir
    [ ! -s "$ORIGIN_DIR/clear.log" ]
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

@test "a program of musl, which would not start with the preload" {
    local command
    musl-gcc -O1 -o "$TMP/musl" "$ROOT/tests/clients/fetch.c"
    run -127 env LD_PRELOAD="$BUILD/libtlsup.so" "$TMP/musl" "$PORT"
    for command in "$TMP/musl $PORT" "env X=1 $TMP/musl $PORT" "sh -c 'exec $TMP/musl $PORT'"; do
        : >"$ORIGIN_DIR/inside.log"
        eval "run -0 --separate-stderr strictly $command"
        [[ $output == *"X-Canary: $CANARY"* && -z $stderr ]]
        assert_inside "$CANARY"
    done
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

@test "a call right after one of the shim, with the registers that it left" {
    upgraded dynamic after
}

@test "a line for all of loopback: our own connections are none of its business, those of the program are" {
    local line
    for line in 'localhost:*' '127.0.0.0/8:*' '*:*'; do
        printf '%s\n' "$line verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
        upgraded static raw nonblocking bound
        upgraded dynamic raw
    done
    # what the program sees of us is a destination as any other
    : >"$ORIGIN_DIR/inside.log"
    run -0 --separate-stderr bypass static peer 127.0.0.1 "$PORT"
    [ "${lines[0]}" = '0, its peer ECONNREFUSED' ]
    assert_inside "$CANARY"
}

@test "the shim is loaded into the launcher, too" {
    printf '%s\n' "*:* verify ca=$ORIGIN_CA audit=$TMP/audit" >"$TMP/policy.conf"
    local -x LD_PRELOAD=$BUILD/libtlsup.so TLSUP_POLICY=$TMP/policy.conf
    upgraded static raw nonblocking
    upgraded dynamic raw
    run -0 --separate-stderr strictly curl -sS -o "$TMP/out" -w '%{remote_port}' -H "X-Canary: $CANARY" "http://localhost:$PORT/headers"
    [ "$output" = "$PORT" ]
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
