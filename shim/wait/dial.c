/* SPDX-License-Identifier: MIT */
#include "shim/wait/dial.h"

#include "shim/conn/conn.h"
#include "shim/wait/block.h"

#include <errno.h>
#include <poll.h>

static bool is_under_way(const struct conn *c)
{
    return c->state == CONN_REACH || (conn_negotiating(c) && c->verdict.rule->when_connect);
}

/* 0: look again. */
static int sleep_once(struct conn *c, int fd, uint64_t until)
{
    short events = (short)((c->want_in ? POLLIN : 0) | (c->want_out ? POLLOUT : 0));
    int woken = wait_conn(c, fd, events, wait_left(until));
    return woken < 0 ? EINTR : woken == 0 ? EINPROGRESS : 0;
}

int wait_dial(struct conn *c, int fd)
{
    bool waits = !wait_is_forbidden(fd);
    uint64_t until = wait_until_ns(wait_patience(fd, SO_SNDTIMEO));
    int error = 0;
    conn_lock(c, fd);
    conn_advance(c);
    while (!error && is_under_way(c)) {
        error = waits ? sleep_once(c, fd, until) : EINPROGRESS;
        conn_advance(c);
    }
    if (!is_under_way(c))
        error = c->state == CONN_REFUSED ? c->error : conn_take_dial_error(c);
    if (!error && !waits && c->connecting)
        error = EINPROGRESS;
    conn_unlock(c);
    return error;
}
