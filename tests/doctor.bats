# SPDX-License-Identifier: MIT
# tlsup doctor: each thing that keeps tlsup from protecting is found, named, and what to do is said. No network.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    POLICY=$TMP/policy.conf
    echo '* encrypt audit=none' >"$POLICY"
}

doctor() {
    run "$BUILD/tlsup" doctor -p "$POLICY" "$@"
}

# says LINE: a line of the output, words apart by any space
says() {
    grep -qE -- "^$1" <(tr -s ' ' <<<"$output") || { echo "no '$1' in: $output" >&2; return 1; }
}

@test "a machine that is in order" {
    doctor
    [ "$status" -eq 0 ]
    for check in object loads relay engine policy trust audit kernel; do says "ok $check "; done
    says 'enforceable: yes, because '
    run ! grep -E '^(fail|note)' <<<"$output"
}

@test "--json says the same" {
    doctor --json -- sh -c true
    [ "$status" -eq 0 ]
    jq -e '.enforceable == true and .because == null and (.checks | length >= 9) and
        all(.checks[]; .status == "ok" and .advice == null) and all(.programs[]; .obstacle == null)' <<<"$output"
    echo '* verfy' >"$POLICY"
    doctor --json -- sh -c "$(PATH=$PATH:/sbin command -v ldconfig)"
    [ "$status" -eq 1 ]
    jq -e '.enforceable == false and (.because | contains("unknown level")) and
        ([.checks[] | select(.status == "fail" and .advice)] | length == 2) and .programs[-1].obstacle == "static"' <<<"$output"
}

@test "the policy: not usable, or a rule that no connection can pass" {
    echo '* verfy' >"$POLICY"
    doctor
    [ "$status" -eq 1 ]
    says "fail policy the policy is not usable: $POLICY:1:3: unknown level 'verfy'"
    says "enforceable: no, because the policy is not usable: $POLICY:1:3"
    printf '%s\n' 'a.test verify ca=/nowhere/ca.pem audit=none' '* verify audit=none ca='"$TMP/empty.pem" >"$POLICY"
    : >"$TMP/empty.pem"
    doctor
    [ "$status" -eq 1 ]
    says "fail trust $POLICY:1: no connection of this rule can be upgraded: .*/nowhere/ca.pem"
    says "fail trust $POLICY:2: no connection of this rule can be upgraded: .*$TMP/empty.pem"
    says "enforceable: no, because $POLICY:1"
    printf '%s\n' '* encrypt audit=none ciphers=NO-SUCH-CIPHER' >"$POLICY"
    doctor
    [ "$status" -eq 1 ]
    says "fail trust $POLICY:1: .*cipher"
}

@test "the policy: testing and logs are worth a note" {
    printf '%s\n' 'defaults - mode=testing' 'a.test encrypt audit=/nowhere/at/all' 'b.test none' '* encrypt audit=none mode=enforce' >"$POLICY"
    doctor
    [ "$status" -eq 0 ]
    says 'note mode 1 of 3 rules are in testing: they protect nothing'
    says 'note audit /nowhere/at/all cannot be written: records go nowhere'
    says 'enforceable: yes'
}

@test "the environment" {
    http_proxy=http://proxy.test:3128 doctor
    [ "$status" -eq 0 ]
    says 'note proxy http_proxy is set'
}

@test "an installation that is not complete" {
    mkdir "$TMP/t"
    cp "$BUILD/tlsup" "$TMP/t/"
    run "$TMP/t/tlsup" doctor -p "$POLICY"
    [ "$status" -eq 1 ]
    says "fail object $TMP/t/libtlsup.so cannot be opened"
    says "fail engine the engine: $TMP/t/libtlsup-tls.so cannot be opened"
    says "note relay $TMP/t/libtlsup-relay cannot be opened"
    head -c 4096 /dev/zero >"$TMP/t/libtlsup.so" # ld.so would print a line and go on without it
    run "$TMP/t/tlsup" doctor -p "$POLICY"
    [ "$status" -eq 1 ]
    says 'fail loads ld.so does not load it: ERROR: ld.so: object .*invalid ELF header'
}

@test "a command: what it runs, behind env, sh -c and in a script, without running any of it" {
    local ldconfig
    ldconfig=$(PATH=$PATH:/sbin command -v ldconfig)
    gcc -o "$TMP/ordinary" -xc - <<<'int main(void) { return 0; }'
    cat >"$TMP/job" <<S
#!/bin/sh
# $ldconfig
set -e
if "$TMP/ordinary" -x 'a;b' >/dev/null 2>&1; then touch '$TMP/ran'; fi
echo "not a command: $ldconfig"
S
    chmod +x "$TMP/job"
    doctor -- env A=b "$TMP/job"
    [ "$status" -eq 0 ]
    says 'ok program .*/env: tlsup is loaded into it'
    says "ok program $TMP/ordinary: tlsup is loaded into it"
    says 'enforceable: yes'
    echo "A=b nice -n 1 $ldconfig -p | head" >>"$TMP/job"
    doctor "$TMP/job"
    [ "$status" -eq 1 ]
    says "fail program $ldconfig is static"
    says 'enforceable: no, because .*/ldconfig is static'
    [ ! -e "$TMP/ran" ]
    doctor no-such-command-anywhere
    [ "$status" -eq 1 ]
    says 'fail program no-such-command-anywhere is not found'
}

@test "a kernel, or a container, that lacks something" {
    cat >"$TMP/deny.c" <<'C'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 99;
    execv(argv[1], argv + 1);
    return 98;
}
C
    gcc -o "$TMP/deny" "$TMP/deny.c"
    run "$TMP/deny" "$BUILD/tlsup" doctor -p "$POLICY"
    [ "$status" -eq 0 ]
    says 'note kernel no close_range'
    says 'note kernel no seccomp notification'
}

@test "a wrong command line is 2" {
    doctor --nonsense
    [ "$status" -eq 2 ]
    run -0 "$BUILD/tlsup" doctor --help
    [[ $output == "usage: tlsup doctor "* ]]
}
