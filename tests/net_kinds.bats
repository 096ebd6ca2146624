# SPDX-License-Identifier: MIT
# tlsup run --strict: sockets that have no way to the loopback where relays are: bound to an interface, of another network,
# of MPTCP. In two networks of our own, which a pair of interfaces joins.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells

bats_require_minimum_version 1.5.0
load lib
load net

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY http_proxy HTTP_PROXY
    unshare -rn true 2>/dev/null || skip 'no user namespaces here'
    CANARY=canary-$RANDOM-$RANDOM ORIGIN_DIR=$TMP/origin
    export TMP BUILD PROGRAM=$BATS_FILE_TMPDIR/static LOADED=$BATS_FILE_TMPDIR/dynamic
    export REQUEST=$'GET /headers HTTP/1.1\r\nHost: localhost\r\nX-Canary: '$CANARY$'\r\nConnection: close\r\n\r\n'
    cat >"$TMP/world" <<'END'
set -eu
trap 'kill $(jobs -p)' EXIT
second() { nsenter -t "$OTHER" -n "$@"; }
# strictly COMMAND...; in the network of whoever calls it
strictly() { "$BUILD/tlsup" run -p "$TMP/policy.conf" --strict -- "$@" </dev/null; }
export -f strictly
ip link set lo up
unshare -n sleep 60 3>&- &
OTHER=$!
until [[ $(readlink "/proc/$OTHER/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do sleep 0.01; done
ip link add here type veth peer name there netns "$OTHER"
ip addr add 10.77.0.1/24 dev here
ip link set here up
second sh -c 'ip link set lo up; ip addr add 10.77.0.2/24 dev there; ip link set there up'
"$BUILD/origin" --lifetime 60 --dir "$TMP/origin" --address 10.77.0.1 >/dev/null 2>"$TMP/origin.err" 3>&- &
until [ -e "$TMP/origin/ready" ]; do sleep 0.01; done
PORT=$(sed -n 's/^port //p' "$TMP/origin/ready")
echo "*:$PORT ${LEVEL:-verify ca=$TMP/origin/ca.pem} audit=$TMP/audit" >"$TMP/policy.conf"
END
}

# world TEXT: two networks, of which the first has the server at 10.77.0.1:$PORT and `here`, the second `there`
world() {
    { cat "$TMP/world"; echo "$1"; } >"$TMP/script"
    run --separate-stderr timeout 50 unshare -rn bash "$TMP/script"
}

teardown() {
    [ ! -e "$ORIGIN_DIR" ] || assert_no_clear "$CANARY"
}

# upgraded: the last line of what the program said of its number, and the answer
upgraded() {
    [ "$status" = 0 ] || { echo "$output" "$stderr" >&2; return 1; }
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
    recorded '"action":"upgraded"'
}

@test "bound to an interface: upgraded, with the flags and options that the number had" {
    world 'DEVICE=there second bash -c "strictly $PROGRAM flags 10.77.0.1 $PORT"'
    upgraded
    [ "${lines[0]} ${lines[1]}" = 'cloexec 0 nonblock 0 keepalive 1 cloexec 0 nonblock 0 keepalive 1' ]
    rm -r "$ORIGIN_DIR" "$TMP/audit"
    world 'DEVICE=there second bash -c "strictly $PROGRAM flags-nonblocking 10.77.0.1 $PORT"'
    upgraded
    [ "${lines[0]} ${lines[1]}" = 'cloexec 1 nonblock 1 keepalive 1 cloexec 1 nonblock 1 keepalive 1' ]
}

@test "bound to an interface: every number of the process" {
    world 'DEVICE=there second bash -c "strictly $PROGRAM numbers 10.77.0.1 $PORT"'
    upgraded
    [ "${lines[0]} ${lines[1]}" = 'cloexec 1 nonblock 0 keepalive 0 cloexec 0 nonblock 0 keepalive 0' ]
}

@test "bound to an interface: a dial that fails is connect()'s own, and may be made again" {
    LEVEL=reject world 'DEVICE=there second bash -c "strictly $PROGRAM flags 10.77.0.1 $PORT"'
    [[ $status = 1 && $output == *'connect: EACCES' ]]
    recorded '"action":"blocked".*"tlsup-rejected"'
    rm -r "$ORIGIN_DIR" "$TMP/audit"
    world 'echo "*:9 verify audit=$TMP/audit" >"$TMP/policy.conf"; DEVICE=there second bash -c "strictly $PROGRAM flags 10.77.0.1 9"'
    [[ $status = 1 && $output == *'connect: ECONNREFUSED' ]]
}

@test "bound to an interface: a call that waits is interrupted, restarted, times out" {
    local text # nobody has that address
    text='echo "*:9 verify audit=none" >"$TMP/policy.conf"
        second ip neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev there
        export DEVICE=there
        for how in interrupted restarted timeout; do
            echo "plain $(second "$PROGRAM" "$how" 10.77.0.9 9)"
            echo "strict $(second bash -c "strictly $PROGRAM $how 10.77.0.9 9")"
        done'
    world "$text"
    [ "$(grep -c ^plain <<<"$output")" = 3 ]
    [ "$(sed -n 's/^strict //p' <<<"$output")" = "$(sed -n 's/^plain //p' <<<"$output")" ]
}

@test "bound to an interface: in an epoll set already" {
    world 'DEVICE=there second bash -c "strictly $PROGRAM watched 10.77.0.1 $PORT"'
    upgraded
    [ "${lines[0]}" = 'out 1 data 4711' ]
}

@test "MPTCP: upgraded" {
    [[ $(</proc/sys/net/mptcp/enabled) == 1 ]] || skip 'no MPTCP here'
    world 'DEVICE=there second bash -c "strictly $PROGRAM mptcp 10.77.0.1 $PORT"'
    upgraded
}

@test "a program in another network than its supervisor: dialled from there" {
    world 'nsenter() { command nsenter "$@"; }; strictly nsenter -t "$OTHER" -n "$PROGRAM" raw 10.77.0.1 "$PORT"'
    upgraded
    # its own loopback, where nobody listens, and a user namespace of its own besides
    rm -r "$ORIGIN_DIR" "$TMP/audit"
    world 'strictly unshare -rn sh -c "ip link set lo up; $PROGRAM raw 127.0.0.1 $PORT"'
    [[ $status = 1 && $output == 'connect: ECONNREFUSED' ]]
}

@test "a socket of another network than its process: of ours it is upgraded, of one that is out of reach refused" {
    OUTER=1 world 'strictly "$PROGRAM" network 10.77.0.1 "$PORT"'
    upgraded
    rm -r "$ORIGIN_DIR" "$TMP/audit"
    world 'strictly "$PROGRAM" network-left 10.77.0.1 "$PORT"'
    [[ $status = 1 && $output == *'connect: EACCES' ]]
    recorded '"action":"blocked".*"tlsup-bypass-refused".*another network namespace.*"EACCES"'
    [[ $stderr == *'another network namespace'* ]]
}

@test "where the shim is loaded, a socket that was connected past it tells the ends that it would have" {
    local device
    for device in '' 'DEVICE=there'; do
        rm -rf "$ORIGIN_DIR" "$TMP/audit"
        world "$device"' second bash -c "strictly $LOADED ends 10.77.0.1 $PORT"'
        upgraded
        [ "${lines[0]}" = 'peer 0 family 2 len 16 port asked for 10.77.0.1' ]
        [ "${lines[1]}" = 'own 0 family 2 len 16 port another 10.77.0.2' ]
        [ "${lines[2]}" = 'cut 0 len 16 port asked for negative EINVAL fault EFAULT' ]
    done
    # of others it says nothing
    rm -r "$ORIGIN_DIR"
    world 'second bash -c "strictly $PROGRAM ends 10.77.0.1 $PORT"'
    [ "${lines[0]}" = 'peer 0 family 2 len 16 port another 127.0.0.1' ]
    rm -r "$ORIGIN_DIR"
    LEVEL=none world 'strictly "$LOADED" ends 10.77.0.1 "$PORT"'
    [ "${lines[0]}" = 'peer 0 family 2 len 16 port asked for 10.77.0.1' ]
    CANARY=none # that one went in the clear
}
