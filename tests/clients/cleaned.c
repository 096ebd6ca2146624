/* SPDX-License-Identifier: MIT */
/*
 * cleaned WAY ENV PROGRAM [ARGUMENT...]: starts PROGRAM by one of libc's ways, with an environment of its own
 * making.
 *
 * WAY   execve execv execvp execvpe execl execlp execle fexecve execveat syscall posix_spawn posix_spawnp
 * system popen; each of the execs also as vfork-WAY, in a child of vfork() ENV   null: NULL; empty; few: A=1
 * B=2; others: LD_PRELOAD names $OTHER; twice: LD_PRELOAD stands twice, the second empty; many: 3000
 * variables; same: what it was given; other-policy: TLSUP_POLICY=/other
 *
 * The exit status is the program's. If it is not started, the errno is told by its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 3000

static char *variables[MANY + 1];

static char **make(const char *kind)
{
    static char other[4096];
    char **at = variables;

    if (strcmp(kind, "same") == 0)
        return environ;
    if (strcmp(kind, "null") == 0)
        return NULL;
    if (strcmp(kind, "few") == 0 || strcmp(kind, "others") == 0) {
        *at++ = "A=1";
        *at++ = "B=2";
    }
    if (strcmp(kind, "others") == 0) {
        snprintf(other, sizeof(other), "LD_PRELOAD=%s", getenv("OTHER"));
        *at++ = other;
        *at++ = "C=3";
    }
    if (strcmp(kind, "twice") == 0) {
        snprintf(other, sizeof(other), "LD_PRELOAD=%s", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "");
        *at++ = other;
        *at++ = "LD_PRELOAD=";
    }
    if (strcmp(kind, "other-policy") == 0)
        *at++ = "TLSUP_POLICY=/other";
    for (int i = 0; strcmp(kind, "many") == 0 && i < MANY; i++) {
        char *text = malloc(32);

        snprintf(text, 32, "VARIABLE_%d=%d", i, i);
        *at++ = text;
    }
    return variables;
}

static void start(const char *way, char **argv, char **envp)
{
    if (strcmp(way, "execve") == 0)
        execve(argv[0], argv, envp);
    else if (strcmp(way, "execvpe") == 0)
        execvpe(argv[0], argv, envp);
    else if (strcmp(way, "execle") == 0)
        execle(argv[0], argv[0], argv[1], argv[1] ? argv[2] : NULL, (char *)NULL, envp);
    else if (strcmp(way, "fexecve") == 0)
        fexecve(open(argv[0], O_RDONLY | O_CLOEXEC), argv, envp);
    else if (strcmp(way, "execveat") == 0)
        execveat(AT_FDCWD, argv[0], argv, envp, 0);
    else if (strcmp(way, "syscall") == 0)
        syscall(SYS_execve, argv[0], argv, envp);
    else {
        environ = envp; /* as env(1) does */
        if (strcmp(way, "execv") == 0)
            execv(argv[0], argv);
        else if (strcmp(way, "execvp") == 0)
            execvp(argv[0], argv);
        else if (strcmp(way, "execl") == 0)
            execl(argv[0], argv[0], argv[1], argv[1] ? argv[2] : NULL, (char *)NULL);
        else if (strcmp(way, "execlp") == 0)
            execlp(argv[0], argv[0], argv[1], argv[1] ? argv[2] : NULL, (char *)NULL);
    }
}

static int end(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int in_vfork(const char *way, char **argv, char **envp)
{
    pid_t pid = vfork();

    if (pid == 0) {
        start(way, argv, envp);
        _exit(100 + errno);
    }
    return end(pid);
}

static int spawn(const char *way, char **argv, char **envp)
{
    pid_t pid = 0;
    int error = strcmp(way, "posix_spawn") == 0 ? posix_spawn(&pid, argv[0], NULL, NULL, argv, envp)
                                                : posix_spawnp(&pid, argv[0], NULL, NULL, argv, envp);

    if (error) {
        printf("error %d\n", error);
        return 1;
    }
    return end(pid);
}

/* The command is one word: the text of a shell. */
static int shell(const char *way, char **argv, char **envp)
{
    int status, c;
    FILE *from;

    environ = envp;
    if (strcmp(way, "system") == 0) {
        status = system(argv[0]); /* NOLINT(cert-env33-c): its hook is under test */
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    from = popen(argv[0], "re"); /* NOLINT(cert-env33-c): the same */
    while (from && (c = getc(from)) != EOF)
        putchar(c);
    status = pclose(from);
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    const char *way = argv[1];
    char **envp, **program = argv + 3;

    if (argc < 4)
        return 2;
    envp = make(argv[2]);
    if (strncmp(way, "vfork-", 6) == 0) {
        for (int i = 0; i < 20; i++) /* again and again from one thread */
            in_vfork(way + 6, (char *[]){"/bin/true", NULL}, envp);
        return in_vfork(way + 6, program, envp);
    }
    if (strncmp(way, "posix_spawn", 11) == 0)
        return spawn(way, program, envp);
    if (strcmp(way, "system") == 0 || strcmp(way, "popen") == 0)
        return shell(way, program, envp);
    start(way, program, envp);
    printf("error %d\n", errno);
    return 1;
}
