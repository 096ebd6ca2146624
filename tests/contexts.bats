# SPDX-License-Identifier: MIT
# Each call that is interposed, in each context in which a program may make it: tests/contexts/run.
# check: not-sanitized what is compared is the same, and the sanitizers see these calls in the other suites
# shellcheck disable=SC2154,SC2034 # variables of lib.bash and bats

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=600

@test "every call, in every context, with every level of fortification and by every name" {
    run "$ROOT/tests/contexts/run"
    grep -v '^ok' <<<"$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok - .*: [0-9]* snippets$' <<<"$output")" -eq 40 ]
    [[ ${lines[-1]} =~ ^#\ [0-9]{5,}\ snippets\ compared ]]
}

@test "a name without a snippet is found" {
    { "$ROOT/scripts/exports"; echo getpid; } >"$BATS_TEST_TMPDIR/names"
    run "$ROOT/tests/contexts/run" --names "$BATS_TEST_TMPDIR/names"
    [ "$output" = 'getpid: no snippet calls it' ]
}

# An object above ours that gives another errno in one place
@test "a difference is told" {
    cat >"$BATS_TEST_TMPDIR/other.c" <<'C'
#include <dlfcn.h>
#include <errno.h>
int shutdown(int fd, int how)
{
    int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "shutdown");
    int result = next(fd, how);
    if (fd == -1)
        errno = EACCES;
    return result;
}
C
    gcc -shared -fPIC -D_GNU_SOURCE -o "$BATS_TEST_TMPDIR/other.so" "$BATS_TEST_TMPDIR/other.c"
    mkdir "$BATS_TEST_TMPDIR/build"
    ln -s "$BUILD"/* "$BATS_TEST_TMPDIR/build/"
    rm "$BATS_TEST_TMPDIR/build/tlsup"
    cat >"$BATS_TEST_TMPDIR/build/tlsup" <<SH
#!/bin/sh
policy=\$3
shift 4
exec $BUILD/tlsup run -p "\$policy" -- env sh -c 'LD_PRELOAD=$BATS_TEST_TMPDIR/other.so:\$LD_PRELOAD exec "\$@"' sh "\$@"
SH
    chmod +x "$BATS_TEST_TMPDIR/build/tlsup"
    BUILD=$BATS_TEST_TMPDIR/build run -1 "$ROOT/tests/contexts/run" fortify-0 main
    [[ $output == *'-nowhere: EBADF'*'+nowhere: EACCES'* ]]
}
