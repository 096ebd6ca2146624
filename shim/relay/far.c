/* SPDX-License-Identifier: MIT */
#include "shim/relay/far.h"

#include "shim/conn/conn.h"
#include "shim/conn/dial.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/relay/pair.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>

#define MEET_MS   5000
#define NS_PER_MS 1000000ULL

static bool is_under_way(const struct conn *c)
{
    return c->state == CONN_REACH || (c->state == CONN_CANDIDATE && c->connecting && !c->dial_error) ||
           (conn_negotiating(c) && c->verdict.rule->when_connect);
}

static int patience_ms(const struct conn *c)
{
    uint64_t deadline = conn_deadline(c), now = now_ns();
    if (!deadline)
        return -1;
    return deadline > now ? (int)((deadline - now) / NS_PER_MS + 1) : 0;
}

/* False: the supervisor has given up, or is gone. */
static bool rest(struct conn *c)
{
    bool plain = c->state == CONN_CANDIDATE;
    short events = (short)((c->want_in ? POLLIN : 0) | (c->want_out || plain ? POLLOUT : 0));
    struct pollfd fds[] = {{.fd = events ? RELAY_TCP : -1, .events = events}, {.fd = RELAY_WORD}};
    real.poll(fds, 2, patience_ms(c));
    if (plain && fds[0].revents & (POLLERR | POLLHUP))
        conn_dial_failed(c);
    else if (plain && fds[0].revents)
        c->connecting = false;
    return !fds[1].revents;
}

/* 0 or the errno that the program gets for its connect(). */
static int dial(struct conn *c, const struct sockaddr_storage *peer, socklen_t len)
{
    struct sockaddr_storage to = *peer;
    enum conn_dial how = conn_dial(c, RELAY_TCP, &to);
    if (how == DIAL_AS_IT_IS) {
        int result = real.connect(RELAY_TCP, (const struct sockaddr *)&to, len), error = errno;
        if (conn_dialled(c, RELAY_TCP, result, error) == DIAL_FAILED)
            return error;
    }
    int error = 0;
    conn_lock(c, RELAY_TCP);
    conn_advance(c);
    while (!error && is_under_way(c)) {
        error = rest(c) ? 0 : ECANCELED;
        conn_advance(c);
    }
    if (!error)
        error = c->state == CONN_REFUSED ? c->error : conn_take_dial_error(c);
    conn_unlock(c);
    return error;
}

/* The supervisor closes its end when it has connected the two, or when nobody waits any more. */
static bool met(void)
{
    struct pollfd word = {.fd = RELAY_WORD}, local = {.fd = RELAY_LOCAL, .events = POLLOUT};
    struct sockaddr_storage program;
    socklen_t len = sizeof program;
    return real.poll(&word, 1, MEET_MS) > 0 && real.poll(&local, 1, MEET_MS) > 0 &&
           real.getpeername(RELAY_LOCAL, (struct sockaddr *)&program, &len) == 0;
}

bool far_meet(struct conn *c, const struct sockaddr_storage *peer, socklen_t len, int error)
{
    if (c && !error)
        error = dial(c, peer, len);
    bool told = real.send(RELAY_WORD, &error, sizeof error, MSG_NOSIGNAL) == sizeof error;
    if (error || !told)
        return false;
    return met();
}
