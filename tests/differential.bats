# SPDX-License-Identifier: MIT
# Random sequences of socket calls give what they give over plain TCP: tests/differential/run, a bounded number of seeds.
# check: not-sanitized what is compared is the same, and the sanitizers see these calls in the other suites
# shellcheck disable=SC2154,SC2034 # variables of lib.bash and bats

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=300

@test "the first seeds, without threads and with" {
    run -0 "$ROOT/tests/differential/run" 1-20 50-64
    [[ ${lines[-1]} =~ ^[0-9]{5,}\ calls\ compared,\ 0\ seeds\ differ$ ]]
}

# Each of these has found something: errors that reading ahead took, edges and events that were lost, sets in sets, two
# numbers of one set, SO_RCVLOWAT, peeks, recvmmsg()
@test "seeds that have found something" {
    run -0 "$ROOT/tests/differential/run" 107 190 191 219 234 236 249 10060 10133 10738 11171 11272 11327 11374 11454 12199 12736 15444 204458
    [[ ${lines[-1]} =~ ^[0-9]{4,}\ calls\ compared,\ 0\ seeds\ differ$ ]]
}

# An object that reads less than it could is found out: the tester can fail
@test "the tester tells a difference" {
    cat >"$BATS_TEST_TMPDIR/less.c" <<'C'
#include <dlfcn.h>
#include <sys/types.h>
ssize_t recvmsg(int fd, void *msg, int flags)
{
    ssize_t (*next)(int, void *, int) = (ssize_t (*)(int, void *, int))dlsym(RTLD_NEXT, "recvmsg");
    ssize_t n = next(fd, msg, flags);
    return n > 10 ? n - 1 : n;
}
C
    gcc -shared -fPIC -D_GNU_SOURCE -o "$BATS_TEST_TMPDIR/less.so" "$BATS_TEST_TMPDIR/less.c"
    mkdir "$BATS_TEST_TMPDIR/build"
    ln -s "$BUILD"/* "$BATS_TEST_TMPDIR/build/"
    rm "$BATS_TEST_TMPDIR/build/tlsup"
    cat >"$BATS_TEST_TMPDIR/build/tlsup" <<SH
#!/bin/sh
policy=\$3
shift 4
exec $BUILD/tlsup run -p "\$policy" -- env sh -c 'LD_PRELOAD=$BATS_TEST_TMPDIR/less.so:\$LD_PRELOAD exec "\$@"' sh "\$@"
SH
    chmod +x "$BATS_TEST_TMPDIR/build/tlsup"
    LIMIT=8 BUILD=$BATS_TEST_TMPDIR/build run -1 "$ROOT/tests/differential/run" --calls 300 1
    [[ ${lines[-1]} == *' 1 seeds differ' ]]
}
