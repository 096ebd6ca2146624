/* SPDX-License-Identifier: MIT */
#include "shim/wait/dial.h"

#include "shim/conn/dial.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/quiet.h"
#include "shim/real.h"
#include "shim/wait/block.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

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

/* A handler that ran before the call sleeps would not end it: one that ran, or is about to, since the program
 * called has to. */
static bool is_interrupted(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (int signal = 1; signal < NSIG; signal++)
        if (sigismember(&pending, signal) == 1 && quiet_holds_back(signal) && !wait_restarts(signal))
            return true;
    return false;
}

/* True: the call came to an end, and *error says how. */
static bool dial_meanwhile(struct conn *c, int fd, const struct sockaddr_storage *to, int *error)
{
    bool over = false;
    quiet_begin_blocked();
    conn_lock(c, fd);
    if (conn_ahead_pays(c)) {
        *error = conn_dial_soon(c, to);
        over = *error != EINPROGRESS;
        if (!over)
            conn_ahead(c);
        if (!over && is_interrupted()) {
            *error = EINTR;
            over = true;
        }
    }
    conn_unlock(c);
    quiet_end();
    return over;
}

/* The kernel goes on with a dial that is under way: connect() again sleeps until it is over, and the
 * program's own signals end it. A program that counts the time (SO_SNDTIMEO) is left to itself. */
int wait_connect(struct conn *c, int fd, const struct sockaddr_storage *to, socklen_t len)
{
    int error = 0;
    bool waits = !wait_is_forbidden(fd) && wait_patience(fd, SO_SNDTIMEO) < 0;
    if (!waits || !dial_meanwhile(c, fd, to, &error))
        return real.connect(fd, (const struct sockaddr *)to, len);
    errno = error ? error : errno;
    return error ? -1 : 0;
}
