/* SPDX-License-Identifier: MIT */
/* How a conn goes: a number of it is closed or replaced, and the last one says goodbye. */
#include "shim/conn/conn.h"
#include "shim/table.h"

#include <string.h>

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

void conn_left(struct conn *c, int fd)
{
    if (atomic_fetch_sub(&c->numbers, 1) == 1 && table_is_ours()) {
        conn_lock(c, fd);
        /* A number whose close was not seen names another socket by now: its bytes are none of ours. */
        if (conn_is_user(c) && conn_is_socket(c, fd))
            say_goodbye(c);
        if (conn_on_gone)
            conn_on_gone(c);
        conn_unlock(c);
    }
    conn_put(c);
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
