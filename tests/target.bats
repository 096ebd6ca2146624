# SPDX-License-Identifier: MIT
# What `tlsup run` says of a program before it starts it, and whether that is so: each of these programs looks into its own
# /proc/self/maps. No network; an empty object stands in the place of libtlsup.so.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a subshell: nothing is meant to survive it
bats_require_minimum_version 1.5.0
load lib

setup() {
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    umask 022
    TMP=$(mktemp -d) # other users run what is in it, and bats' own directories are closed to them
    chmod 755 "$TMP"
    mkdir "$TMP/t"
    cp "$BUILD/tlsup" "$BUILD/libtlsup-relay" "$TMP/t/"
    echo 'int tlsup_stub;' | gcc -shared -fPIC -o "$TMP/t/libtlsup.so" -xc -
    cat >"$TMP/loaded.c" <<'C'
#include <stdio.h>
#include <string.h>
int main(void)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "/libtlsup.so"))
            return puts("loaded") < 0;
    puts("not loaded");
    return 0;
}
C
}

teardown() {
    rm -rf "$TMP"
    no_sanitizer_report
}

# program NAME [FLAG...]: prints whether the object is in it
program() {
    gcc -o "$TMP/$1" "$TMP/loaded.c" "${@:2}"
}

# says TEXT STATUS OUTPUT COMMAND...: the first line is the warning TEXT ("" for none), then the command's own; with
# --strict the net is under it, and no such line is said
says() {
    local text=$1 want=$2 out=$3
    shift 3
    run -"$want" "${AS[@]}" "$TMP/t/tlsup" run -- "$@"
    if [[ -z $text ]]; then
        [ "$output" = "$out" ] || { echo "$output" >&2; return 1; }
        run -"$want" "${AS[@]}" "$TMP/t/tlsup" run --strict -- "$@"
        [ "$output" = "$out" ]
        return
    fi
    [ "${lines[0]}" = "tlsup run: warning: $text" ] || { echo "$output" >&2; return 1; }
    # shellcheck disable=SC2053 # a pattern
    [[ "${lines[*]:1}" == $out ]] || { echo "$output" >&2; return 1; }
    run -"$want" "${AS[@]}" "$TMP/t/tlsup" run --strict -- "$@"
    [[ $output != *'runs unprotected'* ]]
}
AS=()

@test "an ordinary program is started, also with --strict, and by the loader's name" {
    program ordinary
    says '' 0 loaded "$TMP/ordinary"
    says '' 0 loaded nice -n 1 env A=b "$TMP/ordinary"
    loader=$(readelf -p .interp "$TMP/ordinary" | grep -o '/[^ ]*')
    says '' 0 loaded "$loader" "$TMP/ordinary"
    says '' 0 loaded sh -c "exec '$TMP/ordinary'"
}

@test "static: software of others, however it is started" {
    local ldconfig text
    ldconfig=$(PATH=$PATH:/sbin command -v ldconfig)
    text="$ldconfig is static: ld.so will not load tlsup into it, it runs unprotected"
    says "$text" 0 'ldconfig *' "$ldconfig" -V
    says "$text" 0 'ldconfig *' env -i -u HOME A=b "$ldconfig" -V
    says "$text" 0 'ldconfig *' env -S "A=b $ldconfig -V"
    says "$text" 0 'ldconfig *' nice -n 2 timeout -k 3 20 stdbuf -oL setsid -w "$ldconfig" -V
    says "$text" 0 'ldconfig *' sh -c "LC_ALL=C; if true; then exec $ldconfig -V 2>&1; fi"
    says "$text" 0 'ldconfig *' bash -e -o pipefail -c "echo \"\$($ldconfig -V)\" | cat; ! $ldconfig -V >/dev/null || true"
    printf '#!/usr/bin/env -S A=b %s -V\n' "$ldconfig" >"$TMP/script"
    printf '#! /usr/bin/env %s\n' "$TMP/script" >"$TMP/outer"
    chmod +x "$TMP/script" "$TMP/outer"
    says "$text" 0 '*' "$TMP/script"
    says "$text" 0 '*' timeout 20 "$TMP/outer"
}

@test "static: words that only look like a command are none" {
    program static -static
    program ordinary
    says '' 0 "$TMP/static" echo "$TMP/static"
    says '' 0 "$TMP/static" sh -c "echo '$TMP/static' # ; $TMP/static"
    says '' 0 'a b' env -u "$TMP/static" echo 'a b'
}

@test "32-bit, with a real one" {
    cat >"$TMP/exit.s" <<'S'
.globl _start
_start:
    movl $1, %eax
    movl $7, %ebx
    int $0x80
S
    gcc -m32 -nostdlib -static -o "$TMP/i386" "$TMP/exit.s"
    local status=0
    "$TMP/i386" || status=$? # a kernel without IA-32 cannot start it
    says "$TMP/i386 is for another machine or word size than libtlsup.so: ld.so will not load tlsup into it, it runs unprotected" \
        "$status" '*' "$TMP/i386"
}

@test "musl: it does not start, and that is said, but under the net" {
    musl-gcc -o "$TMP/musl" "$TMP/loaded.c"
    [ "$("$TMP/musl")" = 'not loaded' ]
    cp "$BUILD/libtlsup.so" "$TMP/t/"
    run -127 "$TMP/t/tlsup" run -- "$TMP/musl"
    [ "${lines[0]}" = "tlsup run: warning: $TMP/musl uses musl, which cannot load a library that was made for glibc: it does not start with LD_PRELOAD, and would run unprotected without" ]
    [[ $output == *'Error relocating'* ]]
    run -0 "$TMP/t/tlsup" run --strict -- "$TMP/musl" # which does without the object
    [ "$output" = 'not loaded' ]
}

# cgo programs are dynamic, so tlsup is loaded; but it never sees a call. Each mark that Go's linker leaves, alone
@test "Go: its note, its section, its magic, also without section headers" {
    local text='is a Go program: it calls the kernel past libc and so past tlsup, it runs unprotected' name
    cat >"$TMP/note.s" <<'S'
.section .note.go.buildid, "a", @note
.align 4
    .long 4, 4, 4
    .ascii "Go\0\0"
    .ascii "abcd"
.section .note.GNU-stack, "", @progbits
S
    cat >"$TMP/data.s" <<'S'
.data
.balign 16
    .ascii "\377 Go buildinf:\010\002"
.section .note.GNU-stack, "", @progbits
S
    for name in note data; do
        program "$name" "$TMP/$name.s"
        cp "$TMP/$name" "$TMP/$name-bare"
        printf '\0\0\0\0\0\0\0\0' | dd of="$TMP/$name-bare" bs=1 seek=40 conv=notrunc status=none # e_shoff
        says "$TMP/$name $text" 0 loaded "$TMP/$name"
        says "$TMP/$name-bare $text" 0 loaded "$TMP/$name-bare"
    done
    program section
    objcopy --add-section .go.buildinfo=<(echo x) "$TMP/section"
    says "$TMP/section $text" 0 loaded "$TMP/section"
}

@test "set-user-ID, set-group-ID and capabilities: what ld.so does, as another user" {
    [ "$(id -u)" -eq 0 ] || skip 'needs root to make such files'
    AS=(setpriv --reuid 12345 --regid 12345 --clear-groups --)
    program setuid
    chmod 4755 "$TMP/setuid"
    says "$TMP/setuid is set-user-ID: ld.so ignores LD_PRELOAD for it, it runs unprotected" 0 'not loaded' "$TMP/setuid"
    program setgid
    chmod 2755 "$TMP/setgid"
    says "$TMP/setgid is set-group-ID: ld.so ignores LD_PRELOAD for it, it runs unprotected" 0 'not loaded' "$TMP/setgid"
    program capable
    setcap cap_net_bind_service+ep "$TMP/capable"
    says "$TMP/capable has file capabilities: ld.so ignores LD_PRELOAD for it, it runs unprotected" 0 'not loaded' "$TMP/capable"
    printf '#!%s\n' "$TMP/capable" >"$TMP/script"
    chmod +x "$TMP/script"
    says "$TMP/capable has file capabilities: ld.so ignores LD_PRELOAD for it, it runs unprotected" 0 'not loaded' "$TMP/script"
    # where such bits do not count, nothing is said, and ld.so does load it
    AS=(setpriv --reuid 12345 --regid 12345 --clear-groups --no-new-privs --)
    says '' 0 loaded "$TMP/setuid"
    says '' 0 loaded "$TMP/setgid"
    AS=()
    says '' 0 loaded "$TMP/setuid"
    says '' 0 loaded "$TMP/capable"
    # a script is never set-user-ID
    chown 12345 "$TMP/script"
    chmod 4755 "$TMP/script"
    says '' 0 loaded "$TMP/script"
}

@test "a program that cannot be read is not known" {
    [ "$(id -u)" -eq 0 ] || skip 'needs root to be another user'
    AS=(setpriv --reuid 12345 --regid 12345 --clear-groups --)
    program closed
    chmod 711 "$TMP/closed"
    says "$TMP/closed cannot be read, so it is not known whether tlsup can be loaded into it" 0 '*' "$TMP/closed"
}
