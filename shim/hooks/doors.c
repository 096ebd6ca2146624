/* SPDX-License-Identifier: MIT */
/* Doors by which bytes would pass us by: libc does not call itself through the symbols that we interpose. */
#include "shim/conn/conn.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"

#include <stdlib.h>
#include <unistd.h>

int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list args);

EXPORT FILE *fdopen(int fd, const char *mode)
{
    struct conn *c = table_has(fd) && table_is_ours() ? numbers_sealed(fd) : NULL;
    if (c) {
        numbers_door(c, fd, EOPNOTSUPP, "stdio on its descriptor (fdopen) would pass TLS by");
        conn_put(c);
        errno = EOPNOTSUPP;
        return NULL;
    }
    FILE *f = real.fdopen(fd, mode);
    if (f && table_bits(fd) & SLOT_FRESH) /* connect() will have to refuse */
        table_set_bits(fd, SLOT_STDIO, 0);
    return f;
}
ALIAS_OF(fdopen) FILE *_IO_fdopen(int fd, const char *mode);

EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
    struct conn *c = table_has(from) && table_is_ours() ? numbers_sealed(from) : NULL;
    if (!c)
        return real.posix_spawn_file_actions_adddup2(actions, from, to);
    numbers_door(c, from, EOPNOTSUPP,
                 "its descriptor was about to be given to a child (posix_spawn), past TLS");
    conn_put(c);
    return EOPNOTSUPP;
}

/* ---- dprintf: libc would write by itself; here the text is made first and written through the conn ---- */

static int print_through(int fd, const char *format, va_list args)
{
    char *text = NULL;
    int len = vasprintf(&text, format, args), sent = 0;
    while (sent < len) {
        ssize_t n = write(fd, text + sent, (size_t)(len - sent));
        if (n < 0)
            break;
        sent += (int)n;
    }
    free(text);
    return len >= 0 && sent == len ? len : -1;
}

EXPORT int vdprintf(int fd, const char *format, va_list args)
{
    return numbers_is_sealed(fd) ? print_through(fd, format, args) : real.vdprintf(fd, format, args);
}

EXPORT int dprintf(int fd, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vdprintf(fd, format, ap);
    va_end(ap);
    return n;
}

EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list args)
{
    return numbers_is_sealed(fd) ? print_through(fd, format, args)
                                 : real.__vdprintf_chk(fd, flag, format, args);
}

EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = __vdprintf_chk(fd, flag, format, ap);
    va_end(ap);
    return n;
}

/* ---- aio: a thread of libc would read and write by itself ---- */

static bool aio_refused(const struct aiocb *request)
{
    struct conn *c = request && table_is_ours() ? numbers_sealed(request->aio_fildes) : NULL;
    if (!c)
        return false;
    numbers_door(c, request->aio_fildes, EOPNOTSUPP,
                 "asynchronous I/O on its descriptor (aio) would pass TLS by");
    conn_put(c);
    errno = EOPNOTSUPP;
    return true;
}

EXPORT int aio_read(struct aiocb *request)
{
    return aio_refused(request) ? -1 : real.aio_read(request);
}

EXPORT int aio_write(struct aiocb *request)
{
    return aio_refused(request) ? -1 : real.aio_write(request);
}

EXPORT int lio_listio(int mode, struct aiocb *const list[], int n, struct sigevent *event)
{
    for (int i = 0; i < n; i++)
        if (aio_refused(list[i]))
            return -1;
    return real.lio_listio(mode, list, n, event);
}

/* The 64-bit forms are other types of the same layout, so aliases need their prototypes. */
struct aiocb64;
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wattribute-alias"
#endif
ALIAS_OF(aio_read) int aio_read64(struct aiocb64 *request);
ALIAS_OF(aio_write) int aio_write64(struct aiocb64 *request);
ALIAS_OF(lio_listio) int lio_listio64(int mode, struct aiocb64 *const list[], int n, struct sigevent *event);
#pragma GCC diagnostic pop
