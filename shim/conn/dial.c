/* SPDX-License-Identifier: MIT */
/* The program's dial, and ours: a redial keeps the descriptor and everything that hangs on it. */
#include "shim/conn/conn.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>

bool conn_dialled(struct conn *c, int fd, int result, int error)
{
    conn_lock(c, fd);
    bool under_way =
        error == EINPROGRESS || error == EALREADY || error == EINTR || error == EISCONN || error == EAGAIN;
    c->connecting = result != 0 && error != EISCONN;
    bool failed = result != 0 && !under_way && c->state == CONN_CANDIDATE;
    conn_unlock(c);
    return failed;
}

/* connect() on a blocking description waits; SO_SNDTIMEO bounds it without touching O_NONBLOCK (tried). */
static int connect_soon(struct conn *c)
{
    struct timeval before = {0}, soon = {.tv_usec = 1000};
    socklen_t len = sizeof before;
    real.getsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &before, &len);
    real.setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    int rc = real.connect(c->fd, (const struct sockaddr *)&c->peer, c->peer_len);
    int error = errno;
    real.setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof before);
    errno = error;
    return rc;
}

/* The kernel keeps options, flags, registrations and what the program bound; only a port that it chose itself
 * changes. */
bool conn_redial(struct conn *c)
{
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    if (!conn_is_socket(c, c->fd))
        return false;
    if (real.connect(c->fd, &unspecified, sizeof unspecified) != 0)
        return false;
    conn_option(c->fd, SOL_SOCKET, SO_ERROR); /* holds ECONNRESET once */
    if (connect_soon(c) != 0 && errno != EINPROGRESS && errno != EAGAIN && errno != EALREADY) {
        c->error = errno;
        return false;
    }
    if (c->tls)
        c->engine->free(c->tls);
    c->tls = NULL;
    buffer_free(&c->head);
    c->generation++;
    unsigned ms = c->verdict.rule ? c->verdict.rule->connect_timeout_ms : 5000;
    c->deadline_ns = now_ns() + ms * 1000000ULL;
    c->stage_ns = 0;
    conn_enter(c, EV_REDIAL);
    return true;
}

void conn_dial_step(struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    c->want_in = false;
    c->want_out = true;
    if (real.poll(&p, 1, 0) <= 0)
        return;
    int error = conn_option(c->fd, SOL_SOCKET, SO_ERROR);
    if (error == 0 && (p.revents & (POLLERR | POLLHUP)) == POLLHUP)
        error = ECONNREFUSED;
    if (error != 0) {
        CONN_FAIL(c, FAILURE_NETWORK, error, "validation-failure", "the server could not be dialled again");
        return;
    }
    c->want_out = false;
    conn_enter_plain(c, c->grant, "allowed-plain");
}
