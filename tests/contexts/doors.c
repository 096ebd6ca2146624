/* SPDX-License-Identifier: MIT */
/* Ways by which libc itself, a child or a plug-in gets at a descriptor. */
#include "tests/contexts/contexts.h"

#include <aio.h>
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list args);

#define NOWHERE (-1)

SNIPPET(posix_spawn_file_actions_adddup2)
{
    static char *const words[] = {(char *)"sh", (char *)"-c", (char *)"head -c 5", NULL};
    posix_spawn_file_actions_t actions;
    int two[2];
    pid_t pid = -1;
    if (pipe(two) != 0)
        return;
    posix_spawn_file_actions_init(&actions);
    said("stdin", posix_spawn_file_actions_adddup2(&actions, e->r, 0));
    said("stdout", posix_spawn_file_actions_adddup2(&actions, two[1], 1));
    said("negative", posix_spawn_file_actions_adddup2(&actions, NOWHERE, 1));
    put(e, HELLO);
    said("spawn", posix_spawn(&pid, "/bin/sh", &actions, NULL, words, environ));
    posix_spawn_file_actions_destroy(&actions);
    close(two[1]);
    said_output(two[0]);
    said_child(pid);
}

SNIPPET(fdopen)
{
    char line[32] = "";
    FILE *in = fdopen(dup(e->r), "r"), *out = fdopen(dup(e->w), "w");
    if (!in || !out) {
        said("fdopen", -1);
        return;
    }
    fprintf(out, "%s\n", HELLO);
    say("fflush %d", fflush(out));
    say("fgets '%.5s'", fgets(line, sizeof line, in) ? line : "nothing");
    fclose(in);
    fclose(out);
    errno = 0;
    say("nowhere %d %d", fdopen(NOWHERE, "r") == NULL, errno);
    errno = 0;
    say("mode %d %d", fdopen(e->r, "x") == NULL, errno);
}

static volatile int five = 5;

SNIPPET(dprintf)
{
    said("dprintf", dprintf(e->w, "%s-%d", HELLO, five));
    take(e, hello_len + 2);
    said("nowhere", dprintf(NOWHERE, "%d", five));
}

SNIPPET(__dprintf_chk)
{
    said("__dprintf_chk", __dprintf_chk(e->w, 1, "%s-%d", HELLO, five));
    take(e, hello_len + 2);
    said("nowhere", __dprintf_chk(NOWHERE, 1, "%d", five));
}

/* A list of arguments, whoever takes it. */
static int with_list(int (*print)(int, const char *, va_list), int fd, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = print(fd, format, ap);
    va_end(ap);
    return n;
}

static int snippet_vdprintf_call(int fd, const char *format, va_list args)
{
    return vdprintf(fd, format, args);
}

SNIPPET(vdprintf)
{
    said("vdprintf", with_list(snippet_vdprintf_call, e->w, "%s-%d", HELLO, five));
    take(e, hello_len + 2);
    said("nowhere", with_list(snippet_vdprintf_call, NOWHERE, "%d", five));
}

static int snippet___vdprintf_chk_call(int fd, const char *format, va_list args)
{
    return __vdprintf_chk(fd, 1, format, args);
}

SNIPPET(__vdprintf_chk)
{
    said("__vdprintf_chk", with_list(snippet___vdprintf_chk_call, e->w, "%s-%d", HELLO, five));
    take(e, hello_len + 2);
    said("nowhere", with_list(snippet___vdprintf_chk_call, NOWHERE, "%d", five));
}

/* ---- aio ---- */

/* The end of a request that was taken. */
static void aio_end(struct aiocb *request)
{
    const struct aiocb *const list[] = {request};
    while (aio_error(request) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    said("aio_error", aio_error(request));
    said("aio_return", aio_return(request));
}

static struct aiocb request(int fd, void *at, int opcode)
{
    struct aiocb r = {.aio_fildes = fd, .aio_buf = at, .aio_nbytes = hello_len, .aio_lio_opcode = opcode};
    r.aio_sigevent.sigev_notify = SIGEV_NONE;
    return r;
}

SNIPPET_THREADED(aio_read)
{
    char buf[32] = "";
    struct aiocb r = request(e->r, buf, 0);
    put(e, HELLO);
    int result = aio_read(&r);
    said("aio_read", result);
    if (result == 0)
        aio_end(&r);
    say("'%.5s'", buf);
}

SNIPPET_THREADED(aio_write)
{
    char text[] = HELLO;
    struct aiocb w = request(e->w, text, 0);
    int result = aio_write(&w);
    said("aio_write", result);
    if (result == 0)
        aio_end(&w);
    take(e, hello_len);
}

SNIPPET_THREADED(lio_listio)
{
    char text[] = HELLO;
    struct aiocb w = request(e->w, text, LIO_WRITE);
    struct aiocb *const list[] = {&w, NULL};
    int result = lio_listio(LIO_WAIT, list, 2, NULL);
    said("lio_listio", result);
    if (result == 0)
        aio_end(&w);
    take(e, hello_len);
    said("mode", lio_listio(4711, list, 1, NULL));
}

/* ---- plug-ins ---- */

SNIPPET_ONCE(dlopen)
{
    void *self = dlopen(NULL, RTLD_NOW), *math = dlopen("libm.so.6", RTLD_NOW | RTLD_DEEPBIND);
    double (*root)(double) = NULL;
    void *found = math ? dlsym(math, "sqrt") : NULL;
    memcpy(&root, &found, sizeof root);
    say("self %d root %d", self != NULL, root ? (int)root(49) : -1);
    say("none %d", dlopen("libnone.so.77", RTLD_NOW) == NULL);
    if (math)
        dlclose(math);
    (void)e;
}

SNIPPET_ONCE(dlmopen)
{
    void *math = dlmopen(LM_ID_BASE, "libm.so.6", RTLD_NOW);
    say("base %d", math != NULL && dlsym(math, "sqrt") != NULL);
    say("none %d", dlmopen(LM_ID_BASE, "libnone.so.77", RTLD_NOW) == NULL);
    if (math)
        dlclose(math);
    (void)e;
}
