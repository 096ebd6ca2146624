/* SPDX-License-Identifier: MIT */
/* The lock of a conn: held around one non-blocking step, in which no handler may meet it half way. */
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/quiet.h"
#include "shim/start.h"
#include "shim/table.h"

#include <errno.h>

AT_START void (*conn_on_change)(struct conn *c);

/* A number may have been closed while duplicates live, and stand in an epoll set all the same: by now it may
 * name anything. */
static int living_number(struct conn *c, int fd)
{
    if (table_names(fd, c))
        return fd;
    if (atomic_load(&c->numbers) == 0) /* on its way out: the caller knows, until it is closed */
        return !c->left ? fd : c->kept && conn_is_socket(c, c->kept) ? c->kept : -1;
    if (table_names(c->fd, c))
        return c->fd;
    for (int n = table_next(0); n >= 0; n = table_next(n + 1))
        if (table_names(n, c))
            return n;
    return fd;
}

void conn_lock(struct conn *c, int fd)
{
    int error = errno;
    table_pid(); /* in a copy of another process locks start fresh */
    quiet_begin();
    pthread_mutex_lock(&c->lock);
    c->held_errno = error;
    c->fd = living_number(c, fd);
}

void conn_unlock(struct conn *c)
{
    if (c->changed || c->want_in != c->told_in || c->want_out != c->told_out) {
        c->changed = false;
        c->told_in = c->want_in;
        c->told_out = c->want_out;
        if (conn_on_change)
            conn_on_change(c);
    }
    int error = c->held_errno;
    pthread_mutex_unlock(&c->lock);
    quiet_end();
    errno = error;
}
