/* SPDX-License-Identifier: MIT */
#include "shim/hooks/numbers.h"

#include "shim/conn/conn.h"
#include "shim/conn/pool.h"
#include "shim/real.h"
#include "shim/table.h"

#include <errno.h>
#include <fcntl.h>

static void forget(int fd)
{
    if (conn_on_forget)
        conn_on_forget(fd);
}

void numbers_came(int fd, unsigned bits)
{
    if (bits == 0 && table_bits(fd) == 0 && !table_has(fd))
        return;
    if (!table_is_ours())
        return;
    struct conn *before;
    int saved = errno;
    forget(fd);
    table_set(fd, NULL, bits, &before);
    if (before)
        conn_left(before, fd);
    errno = saved;
}

void numbers_go(int fd)
{
    int saved = errno;
    if ((table_has(fd) || table_bits(fd)) && table_is_ours())
        conn_leave(fd);
    forget(fd);
    errno = saved;
}

void numbers_free(int fd)
{
    int saved = errno;
    unsigned bits = table_bits(fd);
    if (!(bits & SLOT_CLOEXEC))
        real.fcntl(fd, F_SETFD, 0);
    conn_leave(fd);
    table_set_bits(fd, SLOT_FRESH, 0);
    errno = saved;
}

void numbers_forget(int fd)
{
    if (table_bits(fd)) {
        table_set_bits(fd, 0, SLOT_FRESH);
        forget(fd);
    }
}

struct conn *numbers_sealed(int fd)
{
    struct conn *c = table_get(fd);
    if (c && c->state == CONN_PLAIN) {
        conn_put(c);
        return NULL;
    }
    return c;
}

bool numbers_is_sealed(int fd)
{
    struct conn *c = table_has(fd) ? numbers_sealed(fd) : NULL;
    if (c)
        conn_put(c);
    return c != NULL;
}

bool numbers_are_parents(int fd)
{
    struct conn *c = table_has(fd) && !table_is_ours() ? numbers_sealed(fd) : NULL;
    bool theirs = c && conn_is_socket(c, fd);
    if (c)
        conn_put(c);
    return theirs;
}

void numbers_door(struct conn *c, int fd, int error, const char *what)
{
    conn_lock(c, fd);
    report_door(c, error, what);
    conn_unlock(c);
}
