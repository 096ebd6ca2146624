# SPDX-License-Identifier: MIT
# A child whose environment was cleaned: ld.so would start it without us, so what it needs to load us is put back, and
# nothing else about the child or the call changes.
# check: not-sanitized a cleaned environment has no ASAN_OPTIONS, and the end of a foreign program is a hunt for its leaks
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # much is for inner shells
bats_require_minimum_version 1.5.0
load lib

EXECS=(execve execv execvp execvpe execl execlp execle fexecve execveat syscall)
SPAWNS=(posix_spawn posix_spawnp)
SHELLS=(system popen)

setup_file() {
    compile cleaned
}

setup() {
    free_temp_dir
    umask 022
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY
    CLEANED=$BATS_FILE_TMPDIR/cleaned
    POLICY=$TMP/policy.conf
    echo 'localhost:1 verify audit=none' >"$POLICY"
    # what ends up in the child: its environment in order, and whether we are in it
    SHOW='tr "\0" "\n" </proc/self/environ; grep -c /libtlsup.so /proc/self/maps >/dev/null && echo loaded; :'
}

# the child of WAY ENV under tlsup, and without
shown() {
    local way=$1 command=(/bin/sh -c "$SHOW")
    # a shell sets PWD itself: what its children get counts
    [[ " ${SHELLS[*]} " != *" $way "* ]] || command=("cat <<'X' | sh"$'\n'"$SHOW"$'\nX')
    tlsup_run -p "$POLICY" -- "$CLEANED" "$way" "$2" "${command[@]}" >"$TMP/ours"
    "$CLEANED" "$way" "$2" "${command[@]}" >"$TMP/plain"
}

# the child is loaded, has its policy once, and but for the two variables what it would have had
complete() {
    shown "$@"
    if ! grep -qx loaded "$TMP/ours" || [ "$(grep -cx "TLSUP_POLICY=$POLICY" "$TMP/ours")" != 1 ] ||
        ! diff <(grep -Ev '^(LD_PRELOAD|TLSUP_POLICY|TLSUP_NET)=|^loaded$' "$TMP/ours") <(grep -Ev '^LD_PRELOAD=' "$TMP/plain"); then
        echo "$*:" >&2
        cat "$TMP/ours" >&2
        return 1
    fi
    grep -oE "[ :=]$BUILD/libtlsup.so" "$TMP/ours" | wc -l | grep -qx "${3:-1}"
}

@test "env -i curl is upgraded" {
    CANARY=canary-$RANDOM
    start_origin
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=none" >"$POLICY"
    run -0 tlsup_run -p "$POLICY" -- env -i "$(command -v curl)" -sS -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/bytes/100"
    [ "$output" = "$(pattern 100)" ]
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "so is what programs start with an environment of their own: python, perl, node, sh" {
    CANARY=canary-$RANDOM
    start_origin
    echo "localhost:$ORIGIN_PORT verify ca=$ORIGIN_CA audit=none" >"$POLICY"
    export CURL URL=http://localhost:$ORIGIN_PORT/bytes/100 CANARY
    CURL=$(command -v curl)
    fetches() {
        run -0 tlsup_run -p "$POLICY" -- "$@"
        [ "$output" = "$(pattern 100)" ] || { echo "$*: $output" >&2; return 1; }
        assert_inside "$CANARY"
        assert_no_clear "$CANARY"
        : >"$ORIGIN_DIR/inside.log"
    }
    fetches python3 -c 'import os, subprocess; e = os.environ; subprocess.run([e["CURL"], "-sS", "-HX-C: " + e["CANARY"], e["URL"]], env={}, check=True)'
    fetches python3 -c 'import os; e = dict(os.environ); os.environ.clear(); os.system("%s -sS -H \"X-C: %s\" %s" % (e["CURL"], e["CANARY"], e["URL"]))'
    fetches python3 -c 'import os; e = os.environ; os.waitpid(os.posix_spawn(e["CURL"], ["curl", "-sS", "-HX-C: " + e["CANARY"], e["URL"]], {}), 0)'
    fetches perl -e 'my %e = %ENV; %ENV = (); exec { $e{CURL} } "curl", "-sS", "-HX-C: $e{CANARY}", $e{URL}'
    fetches perl -e 'my %e = %ENV; %ENV = (); print `$e{CURL} -sS -HX-C:$e{CANARY} $e{URL}`'
    fetches node -e 'const e = process.env; process.stdout.write(require("child_process").execFileSync(e.CURL, ["-sS", "-HX-C: " + e.CANARY, e.URL], {env: {}}))'
    fetches sh -c 'unset LD_PRELOAD TLSUP_POLICY; exec "$CURL" -sS -H "X-C: $CANARY" "$URL"'
    fetches bash -c 'LD_PRELOAD= "$CURL" -sS -H "X-C: $CANARY" "$URL"'
}

@test "every way to start a program, with every kind of environment" {
    local way kind
    for way in "${EXECS[@]}" "${EXECS[@]/#/vfork-}" "${SPAWNS[@]}"; do
        for kind in null empty few many; do
            [[ $way$kind != *fexecvenull ]] || continue # EINVAL
            complete "$way" "$kind"
        done
    done
}

@test "system and popen" {
    local way
    for way in "${SHELLS[@]}"; do
        complete "$way" empty
        complete "$way" few
    done
}

@test "what is complete stays as it is, to the byte" {
    local way
    unset -f bats_readlinkf # dash does not hand on what bash calls a function
    kept() { grep -vE '^(_|SHLVL|PWD|OLDPWD|TLSUP_NET)=|^loaded$' "$@"; }
    tlsup_run -p "$POLICY" -- sh -c 'tr "\0" "\n" </proc/self/environ' | kept >"$TMP/want"
    for way in "${EXECS[@]}" vfork-execve "${SPAWNS[@]}"; do
        shown "$way" same
        diff <(kept "$TMP/ours") "$TMP/want"
    done
    for way in "${SHELLS[@]}"; do # a shell sorts what it hands on
        shown "$way" same
        diff <(kept "$TMP/ours" | sort) <(sort "$TMP/want")
    done
}

@test "other entries of LD_PRELOAD stay, in their place, behind ours; the last LD_PRELOAD counts" {
    local way
    echo 'int other;' | gcc -shared -fPIC -o "$TMP/other.so" -xc -
    export OTHER=$TMP/other.so
    for way in execve vfork-execve posix_spawn; do
        complete "$way" others
        grep -qE "^LD_PRELOAD=.*$BUILD/libtlsup.so:$TMP/other.so\$" "$TMP/ours"
        [ "$(grep -A1 '^LD_PRELOAD=' "$TMP/ours" | tail -n 1)" = C=3 ]
        complete "$way" twice 2
    done
    [ -n "$(sanitizer_runtime)" ] || grep -qx "LD_PRELOAD=$BUILD/libtlsup.so:$TMP/other.so" <(shown popen others; cat "$TMP/ours")
}

@test "another policy is the program's own word" {
    shown execve other-policy
    grep -qx loaded "$TMP/ours"
    grep -qx TLSUP_POLICY=/other "$TMP/ours"
    run ! grep -qF "$POLICY" "$TMP/ours"
}

@test "errors are those of the call" {
    local way kind
    : >"$TMP/not-executable"
    for way in execve execvp execl fexecve execveat syscall vfork-execve posix_spawn posix_spawnp; do
        for kind in null few many same; do
            for program in /nowhere "$TMP" "$TMP/not-executable"; do
                local plain=0 ours=0
                "$CLEANED" "$way" "$kind" "$program" >"$TMP/plain" 2>&1 || plain=$?
                tlsup_run -p "$POLICY" -- "$CLEANED" "$way" "$kind" "$program" >"$TMP/ours" 2>&1 || ours=$?
                diff "$TMP/plain" "$TMP/ours"
                [ "$plain" = "$ours" ] || { echo "$way $kind $program: $ours instead of $plain" >&2; return 1; }
            done
        done
    done
}

@test "system and popen: status, quoting and \$0 are those of the shell" {
    local way text
    for way in "${SHELLS[@]}"; do
        for text in 'exit 7' 'kill -TERM $$' "echo \"a'b\" 'c d' \$((1 + 1)) \\\\" 'echo $0 $#' 'no-such-command 2>&1' "echo '\''" ''; do
            local plain=0 ours=0
            "$CLEANED" "$way" empty "$text" >"$TMP/plain" 2>&1 || plain=$?
            tlsup_run -p "$POLICY" -- "$CLEANED" "$way" empty "$text" >"$TMP/ours" 2>&1 || ours=$?
            diff "$TMP/plain" "$TMP/ours"
            [ "$plain" = "$ours" ] || { echo "$way $text: $ours instead of $plain" >&2; return 1; }
        done
    done
}

@test "a policy that the program cannot be told by the environment is not invented" {
    tlsup_run -- env -i /bin/sh -c "$SHOW" >"$TMP/ours"
    grep -qx loaded "$TMP/ours"
    run ! grep -q TLSUP_POLICY "$TMP/ours"
    # and without us nothing is
    run -0 env -i /bin/sh -c "$SHOW"
    [[ $output != *LD_PRELOAD* ]]
}

# One mapping a thread: 2000 children of vfork() with a cleaned, large environment leave no memory behind
@test "children of vfork leave nothing in their parent" {
    cat >"$TMP/loop.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int maps(void)
{
    int n = 0, c;
    FILE *f = fopen("/proc/self/maps", "r");
    while ((c = getc(f)) != EOF)
        n += c == '\n';
    fclose(f);
    return n;
}
int main(void)
{
    static char *envp[1000], *argv[] = {"/bin/true", NULL};
    int before = 0;
    for (int i = 0; i < 999; i++)
        envp[i] = "A=1";
    for (int i = 0; i < 300; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execve(argv[0], argv, envp);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
        if (i == 2)
            before = maps();
    }
    printf("%d\n", maps() - before);
    return 0;
}
C
    gcc -o "$TMP/loop" "$TMP/loop.c"
    run -0 tlsup_run -p "$POLICY" -- "$TMP/loop"
    [ "$output" = 0 ]
}

@test "no memory: the program is not started, rather than started without us" {
    cat >"$TMP/full.c" <<'C'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
int main(void)
{
    static char *envp[5000], *argv[] = {"/bin/echo", "started", NULL};
    struct rlimit none = {1, 1};
    for (int i = 0; i < 4999; i++)
        envp[i] = "A=1";
    setrlimit(RLIMIT_AS, &none);
    execve(argv[0], argv, envp);
    return errno == ENOMEM ? 42 : 1;
}
C
    gcc -o "$TMP/full" "$TMP/full.c"
    run -42 tlsup_run -p "$POLICY" -- "$TMP/full"
    [ -z "$output" ]
}
