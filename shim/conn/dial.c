/* SPDX-License-Identifier: MIT */
/* Dialling again: a redial keeps the descriptor and everything that hangs on it. */
#include "shim/conn/dial.h"

#include "shim/conn/buffer.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/conn/tries.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* What the program dialled, at another port. */
static struct sockaddr_storage address_at(const struct conn *c, uint16_t port)
{
    struct sockaddr_storage to = c->peer;
    conn_put_port(&to, port);
    return to;
}

void conn_put_port(struct sockaddr_storage *to, uint16_t port)
{
    if (to->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)to)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)to)->sin_port = htons(port);
}

/* connect() on a blocking description waits; SO_SNDTIMEO bounds it without touching O_NONBLOCK (tried). */
static int connect_soon(struct conn *c, const struct sockaddr_storage *to)
{
    struct timeval before = {0}, soon = {.tv_usec = 1000};
    socklen_t len = sizeof before;
    real.getsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &before, &len);
    real.setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    int rc = real.connect(c->fd, (const struct sockaddr *)to, c->peer_len);
    int error = errno;
    real.setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof before);
    errno = error;
    return rc;
}

static bool is_under_way(int error)
{
    return error == EINPROGRESS || error == EAGAIN || error == EALREADY || error == EINTR;
}

bool conn_dial_port(struct conn *c, uint16_t port)
{
    c->dialled = port;
    c->spoken = false;
    struct sockaddr_storage to = address_at(c, port);
    if (connect_soon(c, &to) == 0 || is_under_way(errno))
        return true;
    c->net_error = errno;
    return false;
}

int conn_dial_soon(struct conn *c, const struct sockaddr_storage *to)
{
    if (connect_soon(c, to) == 0)
        return 0;
    return is_under_way(errno) ? EINPROGRESS : errno;
}

bool conn_dissolve(struct conn *c, uint16_t port)
{
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    c->net_error = ECONNABORTED;
    if (!conn_is_socket(c, c->fd))
        return false;
    if (real.connect(c->fd, &unspecified, sizeof unspecified) != 0)
        return false;
    conn_option(c->fd, SOL_SOCKET, SO_ERROR); /* holds ECONNRESET once */
    c->generation++;
    return port == 0 || conn_dial_port(c, port);
}

bool conn_redial(struct conn *c, uint16_t port)
{
    if (c->tls)
        c->engine->free(c->tls);
    c->tls = NULL;
    buffer_free(&c->head);
    bool dialled = conn_dissolve(c, port);
    conn_enter(c, EV_REDIAL);
    return dialled;
}

bool conn_dial_ended(struct conn *c, int *error)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    if (real.poll(&p, 1, 0) <= 0)
        return false;
    *error = conn_option(c->fd, SOL_SOCKET, SO_ERROR);
    if (*error == 0 && p.revents & POLLHUP) /* somebody else took the error */
        *error = ECONNREFUSED;
    return true;
}

static void say_unreachable(struct conn *c, int error)
{
    const char *why = strerrordesc_np(error);
    if (c->grant)
        CONN_FAIL(c, FAILURE_NETWORK, error, "validation-failure", "the server could not be dialled again");
    else
        CONN_FAIL(c, FAILURE_NETWORK, error, "validation-failure",
                  "its port cannot be reached: ", why ? why : "");
}

void conn_dial_step(struct conn *c)
{
    int error = 0;
    c->want_in = false;
    c->want_out = true;
    if (!conn_dial_ended(c, &error))
        return;
    if (error) {
        say_unreachable(c, error);
        return;
    }
    c->want_out = false;
    if (c->grant)
        conn_enter_plain(c, c->grant, c->granted);
    else
        tries_start(c);
}
