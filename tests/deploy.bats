# SPDX-License-Identifier: MIT
# Ways to put programs under tlsup for good: settings of shells, crontabs and units, and wrappers. What is printed is used.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash, bats runs every test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    POLICY="$TMP/it's a 100% policy.conf"
    echo '* verify audit=none' >"$POLICY"
    CANARY=canary-$RANDOM-$RANDOM
}

serve() {
    start_origin
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=none" >"$POLICY"
    URL=http://localhost:$ORIGIN_PORT/bytes/100
}

# the sanitizers' runtime has to come first in every program, and these are started without `tlsup run`
plain_build() {
    [ -z "$(sanitizer_runtime)" ] || skip 'a sanitized object is not loaded by LD_PRELOAD alone'
}

upgraded() {
    [ "$output" = "$(pattern 100)" ] || { echo "$output" >&2; return 1; }
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "env: a shell that takes its lines upgrades, and keeps what LD_PRELOAD said" {
    plain_build
    serve
    # shellcheck disable=SC2016 # for the inner shell
    run -0 sh -c 'eval "$("$0" env -p "$1")"; curl -sS -H "X-Canary: $2" "$3"' "$BUILD/tlsup" "$POLICY" "$CANARY" "$URL"
    upgraded
    echo 'int other;' | gcc -shared -fPIC -o "$TMP/other.so" -xc -
    # shellcheck disable=SC2016
    run -0 sh -c 'lines=$("$0" env -p "$1"); LD_PRELOAD=$2; eval "$lines"; echo "$LD_PRELOAD $TLSUP_POLICY"' "$BUILD/tlsup" "$POLICY" "$TMP/other.so"
    [ "$output" = "$BUILD/libtlsup.so:$TMP/other.so $POLICY" ]
}

@test "env: a crontab's lines are its settings" {
    plain_build
    serve
    run -1 "$BUILD/tlsup" env --cron -p "$POLICY"
    [[ $output == *'a crontab cannot name a path with quotes in it' ]]
    mv "$POLICY" "$TMP/a policy.conf"
    run -0 "$BUILD/tlsup" env --cron -p "$TMP/a policy.conf"
    [ "$output" = "LD_PRELOAD=$BUILD/libtlsup.so"$'\n'"TLSUP_POLICY=\"$TMP/a policy.conf\"" ]
    # what cron does with them: NAME=VALUE without the quotes, in an environment of its own
    mapfile -t settings <<<"${output//\"/}"
    run -0 env -i "${settings[@]}" /bin/sh -c "curl -sS -H 'X-Canary: $CANARY' $URL"
    upgraded
}

@test "env, systemd: a unit's lines are quoted as systemd wants it" {
    run -0 "$BUILD/tlsup" env --systemd -p "$POLICY"
    [ "$output" = "Environment=\"LD_PRELOAD=$BUILD/libtlsup.so\""$'\n'"Environment=\"TLSUP_POLICY=${POLICY/\%/%%}\"" ]
    run -0 "$BUILD/tlsup" systemd -p "$POLICY" no-such-unit
    [ "${lines[2]}" = '[Service]' ]
    [ "$(grep -vc '^#' <<<"$output")" -eq 3 ]
    [[ $output == *'/etc/systemd/system/no-such-unit.service.d/tlsup.conf'* ]]
    run -0 "$BUILD/tlsup" systemd a.b@c.service
    [[ $output == *'/a.b@c.service.d/'* ]]
    run -2 "$BUILD/tlsup" systemd ../x
    run -2 "$BUILD/tlsup" systemd
}

@test "systemd: what keeps tlsup out of the unit is told" {
    local ldconfig
    ldconfig=$(PATH=$PATH:/sbin command -v ldconfig)
    mkdir "$TMP/units"
    # shellcheck disable=SC2016 # systemd's own
    printf '%s\n' '[Service]' "ExecStartPre=-/bin/sh -c '$ldconfig -p'" 'ExecStart=/bin/true $ARGS' 'RootDirectory=/srv/x' \
        'ProtectHome=no' '# RootImage=/y' >"$TMP/units/job.service"
    SYSTEMD_UNIT_PATH=$TMP/units run --separate-stderr "$BUILD/tlsup" systemd job
    [ "$status" -eq 0 ]
    [ "$stderr" = "tlsup systemd: warning: $ldconfig is static: ld.so will not load tlsup into it, it runs unprotected
tlsup systemd: warning: RootDirectory is set: libtlsup.so, its engine and the policy have to be inside, too" ]
    [[ $output == *'[Service]'* ]]
}

@test "wrap: the name runs under tlsup, unwrap takes it back" {
    serve
    mkdir "$TMP/bin"
    export PATH=$TMP/bin:$PATH
    run -0 "$BUILD/tlsup" wrap --directory "$TMP/bin" -p "$POLICY" curl
    [[ $output == "$TMP/bin/curl runs "*"/curl under tlsup" ]]
    if [ -z "$(sanitizer_runtime)" ]; then
        run -0 curl -sS -H "X-Canary: $CANARY" "$URL"
        upgraded
    fi
    # again, and by a name that is wrapped already: it is the program that is wrapped
    run -0 "$BUILD/tlsup" wrap --directory "$TMP/bin" curl
    run ! grep -q -- -p "$TMP/bin/curl"
    run ! grep -qF "'$TMP/bin/curl'" "$TMP/bin/curl"
    run -0 "$BUILD/tlsup" unwrap --directory "$TMP/bin" curl
    [ ! -e "$TMP/bin/curl" ]
    run -1 "$BUILD/tlsup" unwrap --directory "$TMP/bin" curl
    [ -z "$(ls -A "$TMP/bin")" ]
}

@test "wrap: the exit status and the arguments are the program's own" {
    mkdir "$TMP/bin" "$TMP/real"
    printf '%s\n' '#!/bin/sh' 'printf "<%s>" "$@"; exit 7' >"$TMP/real/odd-name"
    chmod +x "$TMP/real/odd-name"
    export PATH=$TMP/bin:$TMP/real:$PATH
    run -0 "$BUILD/tlsup" wrap --directory "$TMP/bin" odd-name
    ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 run odd-name 'a b' "c'd" '' --help -p
    [ "$status" -eq 7 ]
    [[ $output == *"<a b><c'd><><--help><-p>" ]]
}

@test "wrap: nothing is made where it would not help, or would destroy" {
    mkdir "$TMP/bin" "$TMP/late"
    local path=$PATH
    export PATH=$TMP/bin:$path:/sbin
    refused() { # TEXT NAME [OPTION...]
        run -1 "$BUILD/tlsup" wrap --directory "$DIR" "${@:3}" "$2"
        [[ $output == *"$1"* ]] || { echo "$output" >&2; return 1; }
    }
    DIR=$TMP/bin
    refused 'there is no such program in PATH' no-such-program-anywhere
    refused 'is static: ld.so will not load tlsup into it' ldconfig
    echo '#!/bin/sh' >"$TMP/bin/curl"
    refused 'is there, and was not made by tlsup wrap' curl
    run -1 "$BUILD/tlsup" unwrap --directory "$TMP/bin" curl
    [[ $output == *'was not made by tlsup wrap' ]]
    [ "$(cat "$TMP/bin/curl")" = '#!/bin/sh' ]
    rm "$TMP/bin/curl"
    echo '* verfy' >"$POLICY"
    refused 'the policy is not usable, nothing was made' curl -p "$POLICY"
    export PATH=$path:$TMP/late
    DIR=$TMP/late
    refused 'PATH does not lead there before the program itself' curl
    DIR=/nowhere/at/all
    refused 'No such file or directory' curl
    [ -z "$(find "$TMP/bin" "$TMP/late" -type f)" ]
    for name in ../curl '' /bin/curl; do
        run -2 "$BUILD/tlsup" wrap --directory "$TMP/bin" "$name"
    done
}

@test "a verb that is misspelt is guessed" {
    run -2 "$BUILD/tlsup" docter
    [ "$output" = "tlsup: there is no verb 'docter', did you mean 'doctor'? see tlsup help" ]
    run -2 "$BUILD/tlsup" help repot
    [ "$output" = "tlsup help: there is no verb 'repot', did you mean 'report'? see tlsup help" ]
    run -2 "$BUILD/tlsup" nonsense
    [ "$output" = "tlsup: there is no verb 'nonsense'; see tlsup help" ]
}
