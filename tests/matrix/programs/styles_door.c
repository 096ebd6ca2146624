/* SPDX-License-Identifier: MIT */
/* Bytes and descriptors that do not pass through a call of the program. */
#include "tests/matrix/programs/styles.h"

#include <aio.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- stdio ---- */

void style_one_stream(void)
{
    FILE *f = fdopen(dial(0), "r+");
    size_t n;
    if (!f || fputs(request, f) < 0 || fflush(f) != 0)
        die("stdio");
    while (!head_done && fgets(buf, sizeof buf, f))
        sink(buf, strlen(buf));
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        sink(buf, n);
    fclose(f);
}

void style_two_streams(void)
{
    int s = dial(0), c;
    FILE *w = fdopen(dup(s), "w"), *r = fdopen(s, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (!w || !r || fputs(request, w) < 0 || fclose(w) != 0)
        die("stdio");
    while (!head_done && (n = getline(&line, &room, r)) > 0)
        sink(line, (size_t)n);
    while ((c = getc(r)) != EOF) {
        char byte = (char)c;
        buf[0] = byte;
        sink(buf, fread(buf + 1, 1, sizeof buf - 1, r) + 1);
    }
    free(line);
    fclose(r);
}

void style_by_dprintf(void)
{
    int s = dial(0);
    if (dprintf(s, "%s", request) < 0)
        die("dprintf");
    drain(s);
}

/* ---- not through a buffer of ours ---- */

void style_by_splice(void)
{
    int s = dial(0), p[2];
    ssize_t n;
    ask(s);
    read_head(s);
    if (pipe(p) != 0)
        die("pipe");
    while ((n = splice(s, NULL, p[1], NULL, sizeof buf, SPLICE_F_MOVE)) > 0)
        for (ssize_t k; n > 0; n -= k) {
            k = read(p[0], buf, (size_t)n);
            out(buf, (size_t)k);
        }
    if (n < 0)
        die("splice");
}

void style_by_sendfile(void)
{
    int s = dial(0), f = memfd_create("request", 0);
    off_t at = 0;
    if (write(f, request, request_len) < 0 || sendfile(s, f, &at, request_len) != (ssize_t)request_len)
        die("sendfile");
    drain(s);
}

void style_by_aio(void)
{
    int s = dial(0);
    ssize_t n = 1;
    ask(s);
    while (n > 0) {
        struct aiocb a = {.aio_fildes = s, .aio_buf = buf, .aio_nbytes = sizeof buf};
        const struct aiocb *list = &a;
        if (aio_read(&a) != 0 || aio_suspend(&list, 1, NULL) != 0 || aio_error(&a) != 0)
            die("aio");
        n = aio_return(&a);
        if (n > 0)
            sink(buf, (size_t)n);
    }
}

extern char **environ;

static void child_is_well(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("child");
}

/* ---- numbers and processes ---- */

void style_duplicates(void)
{
    int s = dial(0), a = dup(s);
    close(s);
    int b = fcntl(a, F_DUPFD_CLOEXEC, 50);
    dup2(b, 9);
    close(b);
    ask(a);
    close(a);
    drain(9);
}

void style_fork_write(void)
{
    int s = dial(0);
    pid_t pid = fork();
    if (pid == 0) {
        ask(s);
        _exit(0);
    }
    child_is_well(pid);
    drain(s);
}

void style_fork_read(void)
{
    int s = dial(0);
    ask(s);
    pid_t pid = fork();
    if (pid == 0) {
        drain(s);
        _exit(head_done ? 0 : 1);
    }
    close(s);
    child_is_well(pid);
    head_done = true;
}

void style_exec_cat(void)
{
    int s = dial(0);
    ask(s);
    read_head(s);
    dup2(s, STDIN_FILENO);
    close(s);
    execlp("cat", "cat", (char *)NULL);
    die("exec");
}

void style_spawn_cat(void)
{
    static char name[] = "cat";
    char *argv[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int s = dial(0);
    ask(s);
    read_head(s);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, s, STDIN_FILENO);
    posix_spawn_file_actions_addclose(&actions, s);
    if (posix_spawnp(&pid, name, &actions, NULL, argv, environ) != 0)
        die("posix_spawn");
    child_is_well(pid);
}

static void *drain_in_thread(void *socket)
{
    drain(*(int *)socket);
    return NULL;
}

void style_threads(void)
{
    int s = dial(0);
    pthread_t reader;
    pthread_create(&reader, NULL, drain_in_thread, &s);
    usleep(20000);
    for (size_t i = 0; i < request_len; i++)
        if (send(s, request + i, 1, 0) != 1)
            die("send");
    pthread_join(reader, NULL);
}
