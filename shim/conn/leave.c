/* SPDX-License-Identifier: MIT */
/* How a conn goes: a number of it is closed or replaced, and the last one says goodbye. */
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/records.h"
#include "shim/real.h"
#include "shim/table.h"

#include <fcntl.h>
#include <string.h>

#define KEPT_FROM 512 /* out of the way of numbers that the program expects to get */

static void say_goodbye(struct conn *c)
{
    if (c->state == CONN_OPEN)
        open_goodbye(c);
    if (conn_negotiating(c) || c->state == CONN_SNIFF) { /* nothing was sent; the record says so */
        c->error = 0;
        c->result_type = "tlsup-closed-before-upgrade";
        memcpy(c->reason, "the program closed it before TLS was up",
               sizeof "the program closed it before TLS was up");
        conn_enter(c, EV_REFUSE);
        report_decision(c, "blocked");
    }
    if (c->state == CONN_OPEN)
        report_close(c);
}

/* The kernel's socket outlives its last number while a call is inside, and so does this: another thread may
 * sleep on it, or be about to write. What it would use by then is whatever got the number next. */
static bool keep(struct conn *c, int fd)
{
    bool inside = atomic_load(&c->refs) > 1; /* besides the slot's */
    if (!inside || c->state == CONN_FRESH || c->state == CONN_REFUSED || conn_is_through(c))
        return false;
    int kept = c->kept ? c->kept : real.fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FROM);
    c->kept = kept > 0 ? kept : 0;
    return c->kept != 0;
}

static void last_left(struct conn *c, int fd)
{
    /* A number whose close was not seen names another socket by now: its bytes are none of ours. */
    if (conn_is_socket(c, fd) && !keep(c, fd) && conn_is_user(c))
        say_goodbye(c);
    if (conn_on_gone)
        conn_on_gone(c);
    c->left = true;
}

void conn_left(struct conn *c, int fd)
{
    bool last = atomic_fetch_sub(&c->numbers, 1) == 1;
    if (table_is_ours()) {
        conn_lock(c, fd);
        if (last)
            last_left(c, fd);
        c->changed = true; /* whoever sleeps on that number sleeps on what gets it next */
        conn_unlock(c);
    }
    conn_put(c);
}

void conn_end(struct conn *c)
{
    if (!c->kept)
        return;
    conn_lock(c, c->kept);
    if (c->fd >= 0 && conn_is_user(c))
        say_goodbye(c);
    if (c->fd >= 0)
        real.close(c->fd);
    c->fd = -1;
    c->kept = 0;
    conn_unlock(c);
}

void conn_leave(int fd)
{
    struct conn *c = table_take(fd);
    if (c)
        conn_left(c, fd);
}

void conn_last_word(int fd)
{
    struct conn *c = table_get(fd);
    if (!c)
        return;
    conn_lock(c, fd);
    if (conn_is_user(c) && conn_is_socket(c, fd))
        say_goodbye(c);
    conn_unlock(c);
    conn_put(c);
}
