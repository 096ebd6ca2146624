# SPDX-License-Identifier: MIT
# The command itself: how it starts programs, what it warns of, what it answers. No network. What is loaded here
# is mostly an empty object in the place of libtlsup.so, so that only the command is under test.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a subshell: nothing is meant to survive it
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    umask 022
    CC=${CC:-cc}
    mkdir "$TMP/t"
    cp "$BUILD/tlsup" "$TMP/t/tlsup"
    echo 'int tlsup_stub;' >"$TMP/stub.c"
    $CC -shared -fPIC -o "$TMP/t/libtlsup.so" "$TMP/stub.c"
    OURS=$TMP/t/libtlsup.so
}

tlsup() {
    run "$TMP/t/tlsup" "$@"
}

# program NAME [FLAG...]: one that prints what it was started with
program() {
    local name=$1
    shift
    cat >"$TMP/$name.c" <<'E'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    const char *preload = getenv("LD_PRELOAD");
    puts(preload ? preload : "");
    return 0;
}
E
    $CC "$@" -o "$TMP/$name" "$TMP/$name.c"
}

# ---- LD_PRELOAD --------------------------------------------------------------------------------------------------

@test "run: the object beside the command is loaded" {
    tlsup run env
    [ "$status" -eq 0 ]
    grep -qxF "LD_PRELOAD=$OURS" <<<"$output"
    tlsup run -- sh -c "cat /proc/self/maps"
    grep -qF "$OURS" <<<"$output"
}

@test "run: the object of this build is the one that is loaded" {
    program static -static
    run "$BUILD/tlsup" run "$TMP/static"
    [ "$status" -eq 0 ]
    grep -qxF "$BUILD/libtlsup.so" <<<"$output"
}

@test "run: the object of an installed tree is found" {
    mkdir -p "$TMP/prefix/bin" "$TMP/prefix/lib/tlsup"
    cp "$BUILD/tlsup" "$TMP/prefix/bin/"
    cp "$OURS" "$TMP/prefix/lib/tlsup/"
    run "$TMP/prefix/bin/tlsup" run env
    [ "$status" -eq 0 ]
    grep -qxF "LD_PRELOAD=$TMP/prefix/lib/tlsup/libtlsup.so" <<<"$output"
}

@test "run: without its object nothing is started" {
    rm "$OURS"
    tlsup run touch "$TMP/started"
    [ "$status" -eq 125 ]
    [ "$output" = "tlsup run: $OURS: cannot be opened; is tlsup installed or built completely?" ]
    [ ! -e "$TMP/started" ]
}

@test "run: a path that LD_PRELOAD cannot name is refused" {
    for name in 'a b' a:b; do
        mkdir "$TMP/$name"
        cp "$TMP/t/"* "$TMP/$name/"
        run "$TMP/$name/tlsup" run touch "$TMP/started"
        [ "$status" -eq 125 ]
        [ "$output" = "tlsup run: $TMP/$name/libtlsup.so: LD_PRELOAD cannot name a path with ':' or white space in it; install tlsup elsewhere" ]
        [ ! -e "$TMP/started" ]
    done
}

@test "run: other preloads stay, ours stands once and first" {
    program static -static
    for name in a b libasan.so.8; do cp "$OURS" "$TMP/$name"; done
    ln -s "$OURS" "$TMP/alias"
    composed() {
        # a sanitized command does not like to come second; it is not under test
        run env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$1" "$TMP/t/tlsup" run "$TMP/static"
        [ "$status" -eq 0 ]
        [ "${lines[-1]}" = "$2" ] || {
            echo "${lines[-1]} is not $2" >&2
            return 1
        }
    }
    composed "" "$OURS"
    composed "$TMP/a" "$OURS:$TMP/a"
    composed "$TMP/a:$TMP/b" "$OURS:$TMP/a:$TMP/b"
    composed "$TMP/a $TMP/b" "$OURS:$TMP/a:$TMP/b"
    composed "$OURS" "$OURS"
    composed "$TMP/a:$OURS:$TMP/b" "$OURS:$TMP/a:$TMP/b"
    composed "$TMP/alias:$TMP/a" "$OURS:$TMP/a"
    composed "::$TMP/a: " "$OURS:$TMP/a"
    composed "$TMP/a:$TMP/libasan.so.8" "$TMP/libasan.so.8:$OURS:$TMP/a"
}

# ---- exit status -------------------------------------------------------------------------------------------------

@test "run: exit statuses are those of env" {
    tlsup run sh -c 'exit 7'
    [ "$status" -eq 7 ]
    [ -z "$output" ]
    run -127 "$TMP/t/tlsup" run /nowhere/at/all
    [ "$output" = "tlsup run: /nowhere/at/all: No such file or directory" ]
    run -127 "$TMP/t/tlsup" run no-such-command-anywhere
    tlsup run "$TMP"
    [ "$status" -eq 126 ]
    : >"$TMP/not-executable"
    tlsup run "$TMP/not-executable"
    [ "$status" -eq 126 ]
    tlsup run sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
}

@test "run: its own failures are 125" {
    tlsup run
    [ "$status" -eq 125 ]
    [ "$output" = "tlsup run: there is no command to run; see tlsup run --help" ]
    tlsup run --
    [ "$status" -eq 125 ]
    tlsup run --strict
    [ "$status" -eq 125 ]
    tlsup run --nonsense true
    [ "$status" -eq 125 ]
    [ "$output" = "tlsup run: unknown option --nonsense, or one that lacks its value; see tlsup run --help" ]
    tlsup run -x true
    [ "$status" -eq 125 ]
    tlsup run -p
    [ "$status" -eq 125 ]
}

@test "run: options of the command are its own" {
    tlsup run echo -p --strict --help
    [ "$output" = "-p --strict --help" ]
    tlsup run -- sh -c 'echo "$@"' --help -p
    [ "$output" = "-p" ]
}

# ---- -p ----------------------------------------------------------------------------------------------------------

@test "run -p: the policy is checked, and named by its absolute path" {
    echo '* verify' >"$TMP/p.conf"
    cd "$TMP"
    for p in "$TMP/p.conf" p.conf ./p.conf; do
        tlsup run -p "$p" -- env
        [ "$status" -eq 0 ]
        grep -qxF "TLSUP_POLICY=$TMP/p.conf" <<<"$output"
    done
}

@test "run -p: a bad policy starts nothing" {
    echo '* verfy' >"$TMP/p.conf"
    tlsup run -p "$TMP/p.conf" touch "$TMP/started"
    [ "$status" -eq 125 ]
    diff - <(echo "$output") <<E
$TMP/p.conf:1:3: error: unknown level 'verfy', did you mean 'verify'? levels: none may encrypt fingerprint verify secure reject
tlsup run: the policy is not usable, nothing was started
E
    [ ! -e "$TMP/started" ]
    tlsup run -p "$TMP/absent" touch "$TMP/started"
    [ "$status" -eq 125 ]
    [ "${lines[0]}" = "$TMP/absent: cannot be opened: No such file or directory" ]
    echo '* verify' >"$TMP/p.conf"
    chmod 666 "$TMP/p.conf"
    tlsup run -p "$TMP/p.conf" touch "$TMP/started"
    [ "$status" -eq 125 ]
    [ ! -e "$TMP/started" ]
}

@test "run: a bad TLSUP_POLICY is told, and left to the shim to enforce" {
    echo '* verfy' >"$TMP/p.conf"
    run env TLSUP_POLICY="$TMP/p.conf" "$TMP/t/tlsup" run echo started
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == "$TMP/p.conf:1:3: error: unknown level 'verfy'"* ]]
    [ "${lines[1]}" = "tlsup run: warning: the policy is not usable: connections that it may govern are refused" ]
    [ "${lines[2]}" = started ]
}

# The place of the system's policy is compiled in: this one has it in the test's own directory.
@test "run -p: not under a system policy that does not allow it" {
    local sanitize=()
    [[ -z $(sanitizer_runtime) ]] || sanitize=(-fsanitize=address -fsanitize=undefined)
    $CC "${sanitize[@]}" -std=gnu11 -D_GNU_SOURCE '-DTLSUP_VERSION="test"' '-DTLSUP_MULTIARCH="test"' -DTLSUP_SYSTEM_POLICY="\"$TMP/system.conf\"" -I"$ROOT" -o "$TMP/t/tlsup" \
        "$ROOT"/policy/*.c "$ROOT"/shim/cli/*.c "$BUILD"/obj/shim/{real,symbols,table,names,config,engine}.o \
        "$BUILD"/obj/shim/{audit,conn,http1,negotiate,net}/*.o "$BUILD/obj/shim/relay/pair.o" -ldl -pthread
    echo '* may' >"$TMP/p.conf"
    forbidden() {
        tlsup run -p "$TMP/p.conf" touch "$TMP/started"
        [ "$status" -eq 125 ]
        [ ! -e "$TMP/started" ]
        [ "$output" = "$1" ]
    }
    printf '# x\ndefaults - timeout=3\n* verify\n' >"$TMP/system.conf"
    forbidden "tlsup run: -p is not allowed: the defaults line $TMP/system.conf:2 does not say user-policy=yes"
    echo '* verify' >"$TMP/system.conf"
    forbidden "tlsup run: -p is not allowed: $TMP/system.conf:1 is no defaults line with user-policy=yes"
    echo '* vrify' >"$TMP/system.conf"
    forbidden "tlsup run: $TMP/system.conf:1:3: unknown level 'vrify', did you mean 'verify'? levels: none may encrypt fingerprint verify secure reject"
    printf 'defaults - user-policy=yes\n* verify\n' >"$TMP/system.conf"
    tlsup run -p "$TMP/p.conf" echo started
    [ "$output" = started ]
    # and TLSUP_POLICY is obeyed only then
    run env TLSUP_POLICY="$TMP/p.conf" "$TMP/t/tlsup" check
    [ "$output" = "$TMP/p.conf: ok, 1 rule" ]
    echo '* verify' >"$TMP/system.conf"
    run env TLSUP_POLICY="$TMP/p.conf" "$TMP/t/tlsup" check
    [ "$output" = "$TMP/system.conf: ok, 1 rule" ]
}

# ---- warnings ----------------------------------------------------------------------------------------------------

# start COMMAND: sets status, output and lines; any status may be meant, which bats' run does not like
start() {
    status=0
    output=$(timeout 20 "$TMP/t/tlsup" run "$1" 2>&1) || status=$?
    mapfile -t lines <<<"$output"
}

# warned COMMAND TEXT: run says it on stderr, first, and starts the command nevertheless
warned() {
    start "$1"
    [ "${lines[0]}" = "tlsup run: warning: $2" ] || {
        echo "${lines[0]} is not $2" >&2
        return 1
    }
}

@test "warnings: an ordinary program has none" {
    program ordinary
    tlsup run "$TMP/ordinary"
    [ "$status" -eq 0 ]
    [ "$output" = "$OURS" ]
}

@test "warnings: static programs, also in PATH and behind #!" {
    program static -static
    local text="$TMP/static is static: ld.so will not load tlsup into it, it runs unprotected"
    warned "$TMP/static" "$text"
    [ "${lines[1]}" = "$OURS" ]
    PATH=$TMP:$PATH warned static "$text"
    printf '#!%s\n' "$TMP/static" >"$TMP/script"
    printf '#! %s arg\n' "$TMP/script" >"$TMP/script2"
    chmod +x "$TMP/script" "$TMP/script2"
    warned "$TMP/script" "$text"
    warned "$TMP/script2" "$text"
    printf '#!%s\n' "$TMP/loop" >"$TMP/loop"
    chmod +x "$TMP/loop"
    tlsup run "$TMP/loop"
    [ "$status" -eq 126 ]
}

@test "warnings: static-pie is static too" {
    program pie -static-pie
    warned "$TMP/pie" "$TMP/pie is static: ld.so will not load tlsup into it, it runs unprotected"
}

@test "warnings: another loader than glibc's" {
    program musl -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
    warned "$TMP/musl" "$TMP/musl uses musl, which cannot load a library that was made for glibc: it does not start with LD_PRELOAD, and would run unprotected without"
    program other -Wl,--dynamic-linker=/lib/ld-uClibc.so.0
    warned "$TMP/other" "$TMP/other does not use glibc's ld.so: tlsup cannot be loaded into it, it runs unprotected"
}

@test "warnings: another machine" {
    program other
    printf '\xff\x7f' | dd of="$TMP/other" bs=1 seek=18 conv=notrunc status=none
    warned "$TMP/other" "$TMP/other is for another machine or word size than libtlsup.so: ld.so will not load tlsup into it, it runs unprotected"
}

@test "warnings: Go" {
    program go
    echo x >"$TMP/note"
    objcopy --add-section .go.buildinfo="$TMP/note" "$TMP/go"
    warned "$TMP/go" "$TMP/go is a Go program: it calls the kernel past libc and so past tlsup, it runs unprotected"
}

@test "warnings: set-user-ID and set-group-ID of others" {
    program suid
    if [ "$(id -u)" -eq 0 ]; then
        chown 12345:12345 "$TMP/suid"
        SUID=$TMP/suid
        chmod u+s "$SUID"
    else
        SUID=$(command -v su)
    fi
    warned "$SUID" "$SUID is set-user-ID: ld.so ignores LD_PRELOAD for it, it runs unprotected"
    if [ "$(id -u)" -eq 0 ]; then
        chmod u-s,g+s "$SUID"
        warned "$SUID" "$SUID is set-group-ID: ld.so ignores LD_PRELOAD for it, it runs unprotected"
    fi
}

@test "warnings: files that are cut short or damaged are looked at without harm" {
    program whole
    for size in 0 1 3 4 17 63 64 65 100 500 1000; do
        head -c "$size" "$TMP/whole" >"$TMP/cut"
        chmod +x "$TMP/cut"
        start "$TMP/cut" # what is left of it may well crash
        [[ "$status" -ne 124 && "$output" != *Sanitizer* ]]
    done
    # e_phoff, e_shoff, e_phnum, e_shnum and e_shstrndx point nowhere
    for at in 32 40 56 60 62; do
        cp "$TMP/whole" "$TMP/bad"
        printf '\xff\xff' | dd of="$TMP/bad" bs=1 seek="$at" conv=notrunc status=none
        start "$TMP/bad"
        [[ "$status" -ne 124 && "$output" != *Sanitizer* ]]
    done
}

@test "warnings: a proxy" {
    program ordinary
    for name in http_proxy HTTP_PROXY all_proxy ALL_PROXY; do
        run env "$name=http://proxy.example:3128" "$TMP/t/tlsup" run "$TMP/ordinary"
        [ "${lines[0]}" = "tlsup run: warning: $name is set: requests through that proxy are protected as far as the proxy at most; unset it, or say proxy=yes of it in the policy" ]
        run env "$name=" "$TMP/t/tlsup" run "$TMP/ordinary"
        [ "$output" = "$OURS" ]
    done
    printf '%s\n' '* verify' 'proxy.example:3128 verify proxy=yes' '10.0.0.0/8:3128 may proxy=yes' >"$TMP/proxy.conf"
    for value in http://proxy.example:3128 http://10.1.1.1:3128/ Proxy.example:3128; do
        run env "http_proxy=$value" "$TMP/t/tlsup" run -p "$TMP/proxy.conf" "$TMP/ordinary"
        [ "$output" = "$OURS" ]
    done
    for value in http://proxy.example:8080 http://11.1.1.1:3128 nonsense:; do
        run env "http_proxy=$value" "$TMP/t/tlsup" run -p "$TMP/proxy.conf" "$TMP/ordinary"
        [[ $output == "tlsup run: warning: http_proxy is set: "* ]]
    done
}

# ---- the rest ----------------------------------------------------------------------------------------------------

@test "help: every verb has some" {
    tlsup help
    [ "$status" -eq 0 ]
    for verb in run check explain probe doctor report env wrap unwrap systemd version; do
        grep -q "^  $verb " <<<"$output"
    done
    for verb in run check explain probe doctor report env wrap unwrap systemd version; do
        tlsup "$verb" --help
        [ "$status" -eq 0 ]
        [[ "${lines[0]}" == "usage: tlsup $verb"* ]]
        local first=$output
        tlsup help "$verb"
        [ "$output" = "$first" ]
    done
    tlsup --help
    [ "$status" -eq 0 ]
}

@test "a wrong command line is 2, with a hint" {
    tlsup
    [ "$status" -eq 2 ]
    tlsup nonsense
    [ "$status" -eq 2 ]
    [ "$output" = "tlsup: there is no verb 'nonsense'; see tlsup help" ]
    tlsup help nonsense
    [ "$status" -eq 2 ]
    tlsup check a b
    [ "$status" -eq 2 ]
    [ "$output" = "tlsup check: one file at a time; see tlsup check --help" ]
    tlsup check --nonsense
    [ "$status" -eq 2 ]
    tlsup version x
    [ "$status" -eq 2 ]
}

@test "words of a wrong command line reach the terminal as text" {
    local escape=$'\e[2J\x9b' line
    for line in "explain http://a$escape/" "explain --json http://a$escape/" "probe http://a$escape/" "explain --a$escape" \
        "a$escape" "help a$escape" "probe $escape://a"; do
        # shellcheck disable=SC2086 # words
        tlsup $line
        [ "$status" -ne 0 ]
        [[ $output == *'\x1b[2J\x9b'* ]]
        run ! grep -aq $'[\e\x9b]' <<<"$output"
    done
}

@test "--version: tlsup, policy and engine; what is missing is told" {
    tlsup --version
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" =~ ^tlsup\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [[ "${lines[1]}" =~ ^policy:\ built-in\ \(sha256\ [0-9a-f]{64}\)$ ]]
    [ "${lines[2]}" = "engine: $TMP/t/libtlsup-tls.so cannot be opened" ]
    cp "$OURS" "$TMP/t/libtlsup-tls.so"
    tlsup --version
    [ "$status" -eq 0 ]
    [[ "${lines[2]}" == "engine: not usable: "* ]]
    run env TLSUP_POLICY=relative "$TMP/t/tlsup" --version
    [ "${lines[1]}" = "policy: not usable: relative: is not an absolute path; a policy is never taken from the current directory" ]
}

@test "--version: the engine of this build says which OpenSSL it has" {
    run "$BUILD/tlsup" --version
    [ "$status" -eq 0 ]
    [[ "${lines[2]}" == "engine: OpenSSL "*"($BUILD/libtlsup-tls.so)" ]]
}

@test "output that cannot be written is an error" {
    for args in help --version check 'explain http://a'; do
        # shellcheck disable=SC2086 # words are meant
        run sh -c '"$@" >/dev/full' sh "$TMP/t/tlsup" $args
        [ "$status" -eq 1 ]
    done
}
