/* SPDX-License-Identifier: MIT */
/* Doors by which bytes would pass us by: libc does not call itself through the symbols that we interpose. */
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
    if (!numbers_may_pass(fd, DOOR_STDIO))
        return NULL;
    FILE *f = real.fdopen(fd, mode);
    if (f && table_bits(fd) & SLOT_FRESH) /* connect() will hand it over */
        table_set_bits(fd, SLOT_STDIO, 0);
    return f;
}
ALIAS_OF(fdopen) FILE *_IO_fdopen(int fd, const char *mode);

EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
    if (!numbers_may_pass(from, DOOR_SPAWN))
        return errno; /* as posix_spawn's functions do */
    return real.posix_spawn_file_actions_adddup2(actions, from, to);
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

static bool aio_may_pass(const struct aiocb *request)
{
    return !request || numbers_may_pass(request->aio_fildes, DOOR_AIO);
}

EXPORT int aio_read(struct aiocb *request)
{
    return aio_may_pass(request) ? real.aio_read(request) : -1;
}

EXPORT int aio_write(struct aiocb *request)
{
    return aio_may_pass(request) ? real.aio_write(request) : -1;
}

EXPORT int lio_listio(int mode, struct aiocb *const list[], int n, struct sigevent *event)
{
    for (int i = 0; i < n; i++)
        if (!aio_may_pass(list[i]))
            return -1;
    return real.lio_listio(mode, list, n, event);
}

#if !HOOKS_ARE_32_BIT
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
#endif
