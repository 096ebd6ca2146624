/* SPDX-License-Identifier: MIT */
/* Programs that take a process' place, with a descriptor that they keep. */
#include "tests/contexts/contexts.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define KEPT   8
#define HIGH   300
#define SH     "/bin/sh"
/* reads what was put before, and shows its words and one variable */
#define SCRIPT "head -c 5 <&8; echo \" $0 $1 ${MARK-none}\""

static char *const words[] = {(char *)"sh",   (char *)"-c",  (char *)SCRIPT,
                              (char *)"zero", (char *)"one", NULL};

/* A child that has used what it keeps on KEPT, and writes to what the parent reads; it is to exec now. */
static pid_t child(const struct ends *e, int *output)
{
    int two[2];
    if (pipe(two) != 0)
        return -1;
    pid_t pid = fork();
    if (pid != 0) {
        close(two[1]);
        *output = two[0];
        return pid;
    }
    put(e, HELLO);
    arrived(e, hello_len);
    int from = fcntl(e->r, F_DUPFD, HIGH), to = fcntl(two[1], F_DUPFD, HIGH); /* any of them may be KEPT */
    close(two[0]);
    close(two[1]);
    dup2(from, KEPT);
    dup2(to, STDOUT_FILENO);
    close(from);
    close(to);
    return 0;
}

static void shown(pid_t pid, int output)
{
    said_output(output);
    said_child(pid);
}

/* The environment of those calls that take one: ours, and a variable. */
static char **marked(void)
{
    static char *with[400];
    size_t n = 0;
    with[n++] = (char *)"MARK=marked";
    for (char **at = environ; *at && n < sizeof with / sizeof *with - 1; at++)
        with[n++] = *at;
    with[n] = NULL;
    return with;
}

#define EXEC_SNIPPET(call, ...)                                                                              \
    SNIPPET(call)                                                                                            \
    {                                                                                                        \
        int output = -1;                                                                                     \
        pid_t pid = child(e, &output);                                                                       \
        if (pid == 0) {                                                                                      \
            call(__VA_ARGS__);                                                                               \
            _exit(44);                                                                                       \
        }                                                                                                    \
        shown(pid, output);                                                                                  \
    }

EXEC_SNIPPET(execve, SH, words, marked())
EXEC_SNIPPET(execv, SH, words)
EXEC_SNIPPET(execvp, "sh", words)
EXEC_SNIPPET(execvpe, "sh", words, marked())
EXEC_SNIPPET(fexecve, open(SH, O_RDONLY | O_CLOEXEC), words, marked())
EXEC_SNIPPET(execveat, AT_FDCWD, SH, words, marked(), 0)
EXEC_SNIPPET(execl, SH, "sh", "-c", SCRIPT, "zero", "one", (char *)NULL)
EXEC_SNIPPET(execlp, "sh", "sh", "-c", SCRIPT, "zero", "one", (char *)NULL)
EXEC_SNIPPET(execle, SH, "sh", "-c", SCRIPT, "zero", "one", (char *)NULL, marked())

SNIPPET(vfork)
{
    pid_t pid = vfork();
    if (pid == 0) {
        if (!is_conn(e)) /* one process has a connection, and here that is the parent */
            (void)!write(e->w, HELLO, hello_len);
        close(e->r);
        _exit(7);
    }
    said_child(pid);
    if (is_conn(e))
        put(e, HELLO);
    take(e, hello_len);
}

/* ---- children by libc's own means ---- */

static char *const exits[] = {(char *)"sh", (char *)"-c", (char *)"exit ${MARK:+3}", NULL};

SNIPPET_ONCE(posix_spawn)
{
    pid_t pid = -1;
    said("posix_spawn", posix_spawn(&pid, SH, NULL, NULL, exits, marked()));
    said_child(pid);
    said("none", posix_spawn(&pid, "/nowhere/none", NULL, NULL, exits, marked()));
    (void)e;
}

SNIPPET_ONCE(posix_spawnp)
{
    pid_t pid = -1;
    said("posix_spawnp", posix_spawnp(&pid, "sh", NULL, NULL, exits, marked()));
    said_child(pid);
    said("none", posix_spawnp(&pid, "there-is-no-such-program", NULL, NULL, exits, marked()));
    (void)e;
}

SNIPPET_ONCE(system)
{
    /* NOLINTNEXTLINE(cert-env33-c): the subject */
    say("system %#x", (unsigned)system("exit 3"));
    /* NOLINTNEXTLINE(cert-env33-c): the subject */
    say("shell %d", system(NULL) != 0);
    (void)e;
}

SNIPPET_ONCE(popen)
{
    char line[32] = "";
    FILE *f = popen("echo hello", "r"); /* NOLINT(cert-env33-c): the subject */
    say("popen '%.5s'", f && fgets(line, sizeof line, f) ? line : "nothing");
    say("pclose %d", f ? pclose(f) : -1);
    say("mode %d", popen("true", "q") == NULL); /* NOLINT(cert-env33-c): the subject */
    (void)e;
}
