# SPDX-License-Identifier: MIT
# tlsup wrap --strict and tlsup systemd --strict: what they write puts the net under a program, and what they print is run.
# check: not-sanitized programs without libc are what it is about, and they take no runtime
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016,SC1003 # much is for inner shells, and for systemd

bats_require_minimum_version 1.5.0
load lib
load net

# a program that the preload does not reach, by a name of its own; $TMP/bin stands before it
new_program() {
    mkdir -p "$TMP/bin" "$TMP/real"
    cp "$BATS_FILE_TMPDIR/static" "$TMP/real/fetcher"
    export PATH=$TMP/bin:$TMP/real:$PATH
}

# unit LINE...: job.service
unit() {
    mkdir -p "$TMP/units"
    export SYSTEMD_UNIT_PATH=$TMP/units
    printf '%s\n' '[Unit]' 'Description=a job' 'ExecStart=/not/of/this/section' '[Service]' "$@" '[Install]' 'WantedBy=multi-user.target' \
        >"$TMP/units/job.service"
}

# drop_in: what is printed for it, into $TMP/drop-in, and comments left out into LINES
drop_in() {
    "$BUILD/tlsup" systemd -p "$TMP/policy.conf" --strict job >"$TMP/drop-in" 2>"$TMP/warnings" || return
    mapfile -t LINES < <(grep -v '^#' "$TMP/drop-in")
}
has() {
    local line
    for line; do
        grep -qxF -- "$line" "$TMP/drop-in" || { echo "no '$line' in:" >&2; cat "$TMP/drop-in" >&2; return 1; }
    done
}

# with what one test makes outside of its folder, for other users
teardown() {
    local status=0
    [ -z "${PROGRAMS:-}" ] || rm -r "$PROGRAMS"
    assert_no_clear "$CANARY" || status=1
    stop_all
    return "$status"
}

# ---- wrappers --------------------------------------------------------------------------------------------------------

@test "wrap --strict: a static program is upgraded under its own name" {
    new_program
    run -1 "$BUILD/tlsup" wrap --directory "$TMP/bin" -p "$TMP/policy.conf" fetcher
    [[ $output == *'is static: ld.so will not load tlsup into it'*'nothing was made'* ]]
    run -0 "$BUILD/tlsup" wrap --strict --directory "$TMP/bin" -p "$TMP/policy.conf" fetcher
    [ "$output" = "$TMP/bin/fetcher runs $TMP/real/fetcher under tlsup, with the net" ]
    run -0 --separate-stderr fetcher raw 127.0.0.1 "$PORT"
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
    run -1 --separate-stderr fetcher ring 127.0.0.1 "$PORT"
    [ "$output" = 'io_uring_setup: ENOSYS' ]
    # made again without: there is nothing of the net
    cp /bin/true "$TMP/real/fetcher"
    run -0 "$BUILD/tlsup" wrap --directory "$TMP/bin" fetcher
    run ! grep -q -- --strict "$TMP/bin/fetcher"
    run -0 "$BUILD/tlsup" unwrap --directory "$TMP/bin" fetcher
    run -2 "$BUILD/tlsup" unwrap --strict --directory "$TMP/bin" fetcher
}

@test "wrap --strict: busybox and its wget" {
    mkdir "$TMP/bin"
    export PATH=$TMP/bin:$PATH
    run -0 "$BUILD/tlsup" wrap --strict --directory "$TMP/bin" -p "$TMP/policy.conf" busybox
    run -0 --separate-stderr busybox wget -q -O- --header "X-Canary: $CANARY" "http://localhost:$PORT/headers"
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
    recorded '"action":"upgraded"'
}

@test "wrap --strict: refused for what would lose its privileges" {
    new_program
    if [ "$(id -u)" = 0 ]; then
        chown 65534 "$TMP/real/fetcher"
    else
        cp "$(command -v su)" "$TMP/real" && skip 'only root can make a set-user-ID program'
    fi
    chmod u+s "$TMP/real/fetcher"
    run -1 "$BUILD/tlsup" wrap --strict --directory "$TMP/bin" fetcher
    [[ $output == *"$TMP/real/fetcher: gets none of its privileges under --strict"*'nothing was made'* ]]
    [ ! -e "$TMP/bin/fetcher" ]
}

# ---- units -----------------------------------------------------------------------------------------------------------

@test "systemd --strict: the very line of ExecStart upgrades a static program" {
    local start="$BATS_FILE_TMPDIR/static raw 127.0.0.1 $PORT"
    unit "ExecStartPre=/bin/true" "ExecStart=$start"
    drop_in
    has '[Service]' 'ExecStart=' 'KillMode=mixed'
    [ "$(grep -c '^ExecStart=' "$TMP/drop-in")" = 2 ]
    run ! grep -E '^(ExecStartPre|NotifyAccess|SystemCallFilter)' "$TMP/drop-in"
    [ ! -s "$TMP/warnings" ]
    local line
    line=$(grep '^ExecStart=.' "$TMP/drop-in")
    [ "${line#ExecStart=}" = "\"$BUILD/tlsup\" run --strict -p \"$TMP/policy.conf\" -- $start" ]
    run -0 --separate-stderr env -i REQUEST="$REQUEST" sh -c "${line#ExecStart=}"
    [[ $output == *"X-Canary: $CANARY"* ]]
    assert_inside "$CANARY"
    recorded '"action":"upgraded"'
}

@test "systemd --strict: prefixes, several commands, joined lines, variables, specifiers" {
    mv "$TMP/policy.conf" "$TMP/100% of \$HOME.conf"
    ln -s "100% of \$HOME.conf" "$TMP/policy.conf"
    unit 'Type=oneshot' 'ExecStart=-/bin/echo "a ; b" $HOME %n ; :/bin/true \' '  # between' '  more' 'ExecStart=!!/bin/date'
    "$BUILD/tlsup" systemd -p "$TMP/100% of \$HOME.conf" --strict job >"$TMP/drop-in"
    local p="$TMP/100%% of" run="\"$BUILD/tlsup\" run --strict -p"
    has "ExecStart=-$run \"$p \$\$HOME.conf\" -- /bin/echo \"a ; b\" \$HOME %n" \
        "ExecStart=:$run \"$p \$HOME.conf\" -- /bin/true    more" \
        "ExecStart=!!$run \"$p \$\$HOME.conf\" -- /bin/date"
}

@test "systemd --strict: drop-ins count, but its own" {
    unit 'Type=notify' 'ExecStart=/bin/old'
    mkdir -p "$TMP/units/job.service.d"
    printf '%s\n' '[Service]' 'ExecStart=' 'ExecStart=/bin/new' >"$TMP/units/job.service.d/50-new.conf"
    drop_in
    cp "$TMP/drop-in" "$TMP/first"
    cp "$TMP/drop-in" "$TMP/units/job.service.d/tlsup.conf"
    drop_in
    cmp "$TMP/first" "$TMP/drop-in"
    run ! grep -q /bin/old "$TMP/drop-in"
    has "ExecStart=\"$BUILD/tlsup\" run --strict -p \"$TMP/policy.conf\" -- /bin/new"
    cp "$TMP/units/job.service" "$TMP/units/many@.service"
    "$BUILD/tlsup" systemd --strict many@one >"$TMP/drop-in"
    has "ExecStart=\"$BUILD/tlsup\" run --strict -- /bin/old"
}

@test "systemd --strict: what changes because the main process is the launcher" {
    unit 'Type=notify' 'ExecStart=/bin/true'
    drop_in
    has NotifyAccess=all KillMode=mixed
    unit 'WatchdogSec=5' 'KillMode=process' 'ExecStart=/bin/true' 'SystemCallFilter=@system-service'
    drop_in
    has NotifyAccess=all 'SystemCallFilter=seccomp pidfd_open pidfd_getfd pidfd_send_signal process_vm_readv'
    run ! grep -q KillMode "$TMP/drop-in"
    unit 'Type=forking' 'PIDFile=/run/x' 'ExecStart=/bin/true' 'IPAddressDeny=any'
    drop_in
    run ! grep -q -e KillMode -e NotifyAccess "$TMP/drop-in"
    grep -q 'Type=forking: the daemon is a child of tlsup' "$TMP/warnings"
    grep -q 'IPAddressDeny is set' "$TMP/warnings"
}

@test "systemd --strict: all or nothing" {
    local line
    export SYSTEMD_UNIT_PATH=$TMP
    run -1 --separate-stderr "$BUILD/tlsup" systemd --strict job
    [[ -z $output && $stderr == *'there is no job.service on this machine'* ]]
    for line in '@/bin/sh dash' '|/bin/true' '/bin/echo "open' ''; do
        unit "ExecStart=/bin/true" "ExecStart=$line"
        run -1 --separate-stderr "$BUILD/tlsup" systemd --strict job
        [[ -z $output && -n $stderr ]]
    done
}

@test "systemd --strict: systemd takes it" {
    command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
    unit 'Type=notify' "ExecStart=-/bin/echo a \$HOME" 'WatchdogSec=5' 'SystemCallFilter=@system-service'
    sed -i /not.of.this.section/d "$TMP/units/job.service"
    drop_in
    mkdir "$TMP/units/job.service.d"
    cp "$TMP/drop-in" "$TMP/units/job.service.d/tlsup.conf"
    run -0 systemd-analyze verify --man=no --recursive-errors=no "$TMP/units/job.service"
    [[ $output != *tlsup.conf:* ]]
    sed -i 's/^KillMode=.*/KillMode=nonsense/' "$TMP/units/job.service.d/tlsup.conf" # it does look into it
    run systemd-analyze verify --man=no --recursive-errors=no "$TMP/units/job.service"
    [[ $output == *tlsup.conf:* ]]
}

@test "what a service manager says to the process that it starts is for the command" {
    run -0 --separate-stderr sh -c 'export LISTEN_PID=$$ WATCHDOG_PID=$$ LISTEN_FDS=1
        exec "$0" run --strict sh -c "echo \$((LISTEN_PID == \$\$)) \$((WATCHDOG_PID == \$\$)) \$LISTEN_FDS; cat <&3" 3<"$1"' "$BUILD/tlsup" "$TMP/policy.conf"
    [ "$output" = "1 1 1"$'\n'"$(<"$TMP/policy.conf")" ]
    LISTEN_PID=1 run -0 --separate-stderr "$BUILD/tlsup" run --strict sh -c 'echo "$LISTEN_PID ${WATCHDOG_PID-none}"'
    [ "$output" = '1 none' ]
}

# ---- doctor ----------------------------------------------------------------------------------------------------------

# says LINE: a line of the output, words apart by any space
says() {
    grep -qE -- "^$1" <(tr -s ' ' <<<"$output") || { echo "no '$1' in: $output" >&2; return 1; }
}

@test "doctor: can there be a net?" {
    run -0 "$BUILD/tlsup" doctor -p "$TMP/policy.conf"
    says 'ok net tlsup run --strict is possible; set-user-ID and file capabilities have no effect under it'
    run -0 strictly "$BUILD/tlsup" doctor -p "$TMP/policy.conf"
    says 'note net tlsup run --strict is not possible here: a supervisor is there already'
    run -0 "$BATS_FILE_TMPDIR/static" forbid 1 - "$BUILD/tlsup" doctor -p "$TMP/policy.conf"
    says 'note net tlsup run --strict is not possible here: seccomp filters are forbidden here .*: Operation not permitted'
    run -0 "$BATS_FILE_TMPDIR/static" forbid 22 - "$BUILD/tlsup" doctor -p "$TMP/policy.conf"
    says 'note net tlsup run --strict is not possible here: the kernel has no seccomp user notification'
    says 'enforceable: yes'
}

@test "doctor: what the preload does not reach, --strict does" {
    run -1 "$BUILD/tlsup" doctor -p "$TMP/policy.conf" -- sh -c "$BATS_FILE_TMPDIR/static raw"
    says "fail program $BATS_FILE_TMPDIR/static is static"
    says ' start it by tlsup run --strict, or use a dynamically linked build'
    says "enforceable: no, because $BATS_FILE_TMPDIR/static is static"
    says 'by tlsup run --strict: yes'
    run -1 "$BUILD/tlsup" doctor --json -p "$TMP/policy.conf" -- "$BATS_FILE_TMPDIR/static" raw
    jq -e '.enforceable == false and .enforceable_strict == true' <<<"$output"
    # not where there is none
    run -1 "$BATS_FILE_TMPDIR/static" forbid 1 - "$BUILD/tlsup" doctor --json -p "$TMP/policy.conf" -- "$BATS_FILE_TMPDIR/static" raw
    jq -e '.enforceable_strict == false and ([.checks[] | select(.check == "program").advice] | all(contains("--strict") | not))' <<<"$output"
    # nor does it help against what is no matter of programs
    echo '* verfy' >"$TMP/policy.conf"
    run -1 "$BUILD/tlsup" doctor --json -p "$TMP/policy.conf"
    jq -e '.enforceable_strict == false' <<<"$output"
}

@test "doctor: who would lose privileges, also behind a shell" {
    [ "$(id -u)" = 0 ] || skip 'only root can make such programs'
    local dir nobody=(setpriv --reuid 65533 --regid 65533 --clear-groups)
    dir=$(mktemp -d)
    PROGRAMS=$dir
    chmod 755 "$dir"
    "${nobody[@]}" test -x "$BUILD/tlsup" -a -x "$dir" || skip 'another user does not see this build'
    cp /bin/true "$dir/setuid"
    chown 65534 "$dir/setuid"
    chmod u+s "$dir/setuid"
    cp /bin/true "$dir/capable"
    setcap cap_net_raw+ep "$dir/capable"
    run "$BUILD/tlsup" doctor -p "$TMP/policy.conf" -- sh -c "'$dir/setuid'; '$dir/capable'"
    says "note net $dir/setuid would run without its privileges \\(set-uid\\) under --strict"
    run ! grep capable <(grep '^note' <<<"$output") # root has them anyway
    run "${nobody[@]}" "$BUILD/tlsup" doctor -- sh -c "'$dir/setuid'; '$dir/capable'"
    says "note net $dir/setuid would run without its privileges \\(set-uid\\) under --strict"
    says "note net $dir/capable would run without its privileges \\(capabilities\\) under --strict"
}
