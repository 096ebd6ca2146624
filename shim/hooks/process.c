/* SPDX-License-Identifier: MIT */
/*
 * Programs that take this one's place. Kernel FD_CLOEXEC is set on every conn, so exec loses it; where the
 * program means to hand it on, a relay has it by the time of the call. And the program gets us, whatever is
 * in the environment that it is given.
 */
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/hooks/environment.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- descriptors ---- */

/* In a child of fork() that only wants to run something else most connections are the parent's: they go on
 * there. It means the one that it used itself. */
static bool is_meant(struct conn *c)
{
    bool own = c->born_in == table_pid();
    return own && !c->share.there ? conn_claim(c) : own || conn_is_user(c);
}

static void doors_before_exec(void)
{
    if (!table_is_ours()) /* a child that shares our memory; its conns are the parent's */
        return;
    int saved = errno;
    for (int n = table_next(0); n >= 0; n = table_next(n + 1)) {
        struct conn *c = table_bits(n) & SLOT_CLOEXEC || !numbers_governed(n) ? NULL : numbers_sealed(n);
        if (!c)
            continue;
        if (is_meant(c))
            numbers_may_pass(n, DOOR_EXEC); /* if not, the kernel closes it */
        conn_put(c);
    }
    share_drop_all(); /* of those that are not meant; should exec fail, they are the other process's */
    errno = saved;
}

/* ---- vectors ---- */

/* What every exec comes to: it returns only if it failed. */
static int came_back(struct environment *e, int result)
{
    environment_drop(e);
    return result;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    struct environment e;
    int error = environment_make(&e, envp);
    if (error)
        return (int)failed(error);
    doors_before_exec();
    return came_back(&e, real.execve(path, argv, e.envp));
}

EXPORT int execv(const char *path, char *const argv[])
{
    return execve(path, argv, environ);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    struct environment e;
    int error = environment_make(&e, envp);
    if (error)
        return (int)failed(error);
    doors_before_exec();
    return came_back(&e, real.execvpe(file, argv, e.envp));
}

EXPORT int execvp(const char *file, char *const argv[])
{
    return execvpe(file, argv, environ);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    struct environment e;
    int error = envp ? environment_make(&e, envp) : EINVAL; /* as libc has it: not an empty one here */
    if (error)
        return (int)failed(error);
    doors_before_exec();
    return came_back(&e, real.fexecve(fd, argv, e.envp));
}

EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct environment e;
    int error = environment_make(&e, envp);
    if (error)
        return (int)failed(error);
    doors_before_exec();
    return came_back(&e, real.execveat(dir, path, argv, e.envp, flags));
}

/* ---- lists: the same with a vector made of them. A child of vfork() may call these, and a handler: no
 * malloc. ---- */

#define FEW 64U

struct list {
    char *few[FEW];
    char **argv; /* few, or a mapping */
    size_t bytes;
    char **envp; /* what follows the NULL, for execle */
};

static bool make_list(struct list *l, const char *first, va_list args)
{
    size_t n = 1;
    va_list count;
    va_copy(count, args);
    for (const char *at = first; at; at = va_arg(count, const char *))
        n++;
    va_end(count);
    l->argv = l->few;
    l->bytes = n > FEW ? n * sizeof *l->argv : 0;
    if (l->bytes) {
        void *map = mmap(NULL, l->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
            return false;
        l->argv = map;
    }
    size_t i = 0;
    for (char *at = (char *)first; at; at = va_arg(args, char *))
        l->argv[i++] = at;
    l->argv[i] = NULL;
    return true;
}

/* Only a call that failed comes here. */
static int drop_list(const struct list *l, int result)
{
    int saved = errno;
    if (l->bytes)
        munmap(l->argv, l->bytes);
    errno = saved;
    return result;
}

EXPORT int execl(const char *path, const char *arg, ...)
{
    struct list l;
    va_list args;
    va_start(args, arg);
    bool made = make_list(&l, arg, args);
    va_end(args);
    return made ? drop_list(&l, execv(path, l.argv)) : (int)failed(ENOMEM);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
    struct list l;
    va_list args;
    va_start(args, arg);
    bool made = make_list(&l, arg, args);
    va_end(args);
    return made ? drop_list(&l, execvp(file, l.argv)) : (int)failed(ENOMEM);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
    struct list l;
    va_list args;
    va_start(args, arg);
    bool made = make_list(&l, arg, args);
    l.envp = made ? va_arg(args, char **) : NULL;
    va_end(args);
    return made ? drop_list(&l, execve(path, l.argv, l.envp)) : (int)failed(ENOMEM);
}
