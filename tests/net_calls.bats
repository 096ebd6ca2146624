# SPDX-License-Identifier: MIT
# tlsup run --strict: calls that connect are answered as the kernel would, and programs that the preload
# reaches stay as they are.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
load net

# ---- connects as they are --------------------------------------------------------------------------------------------

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
