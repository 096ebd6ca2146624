/* SPDX-License-Identifier: MIT */
/*
 * fail.so, preloaded behind libtlsup.so: what our objects ask of libc fails, the Nth time or from then on.
 *
 *   FAULT=WHAT:N    WHAT: ours (memory, asked for by libtlsup*.so), memory (by OpenSSL as well), files
 * (anything that makes a descriptor, EMFILE); with a + behind it every one from the Nth on. N 0: none.
 *   FAULT_COUNT     a file that gets how many there were
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPORT  __attribute__((visibility("default")))
#define CALLER  __builtin_return_address(0)
#define NEXT(f) ((__typeof__(&(f)))next(#f))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *at, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static char what; /* 'o', 'm', 'f' */
static bool for_good;
static unsigned long nth;
static atomic_ulong count;

__attribute__((constructor)) static void born(void)
{
    const char *fault = getenv("FAULT"), *colon = fault ? strchr(fault, ':') : NULL;
    if (!colon)
        return;
    nth = strtoul(colon + 1, NULL, 10);
    for_good = colon[-1] == '+';
    what = fault[0];
}

__attribute__((destructor)) static void gone(void)
{
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%lu\n", atomic_load(&count));
    fclose(file);
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static bool is_ours(const void *caller)
{
    Dl_info at;
    if (!dladdr(caller, &at) || !at.dli_fname)
        return false;
    const char *slash = strrchr(at.dli_fname, '/');
    const char *file = slash ? slash + 1 : at.dli_fname;
    if (strncmp(file, "libtlsup", 8) == 0)
        return true;
    return what == 'm' && (strncmp(file, "libssl", 6) == 0 || strncmp(file, "libcrypto", 9) == 0);
}

static bool fails(bool memory, const void *caller)
{
    if (!what || memory == (what == 'f') || !is_ours(caller))
        return false;
    unsigned long n = atomic_fetch_add(&count, 1) + 1;
    if (!nth || (for_good ? n < nth : n != nth))
        return false;
    errno = memory ? ENOMEM : EMFILE;
    return true;
}

/* ---- memory ---- */

EXPORT void *malloc(size_t size)
{
    return fails(true, CALLER) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
    return fails(true, CALLER) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *at, size_t size)
{
    return fails(true, CALLER) ? NULL : __libc_realloc(at, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    *out = fails(true, CALLER) ? NULL : __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}

EXPORT void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return fails(true, CALLER) ? MAP_FAILED : NEXT(mmap)(at, len, prot, flags, fd, offset);
}

/* ---- descriptors ---- */

EXPORT int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(false, CALLER) ? -1 : NEXT(open)(path, flags, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(false, CALLER) ? -1 : NEXT(openat)(dir, path, flags, mode);
}

EXPORT int socket(int domain, int type, int protocol)
{
    return fails(false, CALLER) ? -1 : NEXT(socket)(domain, type, protocol);
}

EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
    return fails(false, CALLER) ? -1 : NEXT(socketpair)(domain, type, protocol, pair);
}

EXPORT int eventfd(unsigned value, int flags)
{
    return fails(false, CALLER) ? -1 : NEXT(eventfd)(value, flags);
}

EXPORT int fcntl(int fd, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    void *arg = va_arg(args, void *);
    va_end(args);
    bool makes = cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
    return makes && fails(false, CALLER) ? -1 : NEXT(fcntl)(fd, cmd, arg);
}
