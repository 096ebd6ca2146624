/* SPDX-License-Identifier: MIT */
/*
 * A session that is none: CONN_OPEN over the bare socket. What goes to a proxy in the clear is still looked
 * at, head by head, because the next request on that connection may be for somebody to whom the clear is not
 * allowed. All that CONN_OPEN knows of heads, framing and readiness holds; only the bytes are not encrypted.
 */
#include "shim/conn/machine.h"
#include "shim/conn/proxy.h"
#include "shim/conn/socket.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

static int fd_of(const struct tls *session)
{
    return ((const struct conn *)(const void *)session)->fd;
}

static void forget(struct tls *session)
{
    (void)session;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static enum tls_result receive(int fd, void *buf, size_t cap, int flags, size_t *got)
{
    ssize_t n = real.recv(fd, buf, cap, flags | MSG_DONTWAIT);
    *got = n > 0 ? (size_t)n : 0;
    if (n < 0)
        return would_block() ? TLS_WANT_READ : TLS_FAILED;
    return n ? TLS_DONE : TLS_CLOSED;
}

static enum tls_result read_clear(struct tls *session, void *buf, size_t cap, size_t *got)
{
    return receive(fd_of(session), buf, cap, 0, got);
}

static enum tls_result look(struct tls *session)
{
    char byte;
    size_t got;
    return receive(fd_of(session), &byte, 1, MSG_PEEK, &got);
}

static bool nothing_pends(const struct tls *session)
{
    (void)session;
    return false;
}

static size_t count_readable(const struct tls *session)
{
    int n = 0;
    return real.ioctl(fd_of(session), FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static enum tls_result write_clear(struct tls *session, const void *buf, size_t len, size_t *taken)
{
    ssize_t n = real.send(fd_of(session), buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    *taken = n > 0 ? (size_t)n : 0;
    if (n < 0)
        return would_block() ? TLS_WANT_WRITE : TLS_TRUNCATED;
    return TLS_DONE;
}

static enum tls_result flushed(struct tls *session)
{
    (void)session;
    return TLS_DONE;
}

static size_t nothing_queued(const struct tls *session)
{
    (void)session;
    return 0;
}

static void no_info(const struct tls *session, struct tls_info *out)
{
    (void)session;
    memset(out, 0, sizeof *out);
}

/* What the kernel has to say of the connection it says itself. */
static const struct tls_error *no_error(const struct tls *session)
{
    static const struct tls_error none;
    (void)session;
    return &none;
}

static const struct tls_engine engine = {.abi = TLS_ENGINE_ABI,
                                         .free = forget,
                                         .read = read_clear,
                                         .poll = look,
                                         .pending = nothing_pends,
                                         .readable = count_readable,
                                         .write = write_clear,
                                         .flush = flushed,
                                         .queued = nothing_queued,
                                         .close_notify = forget,
                                         .info = no_info,
                                         .error = no_error};

void clear_begin(struct conn *c)
{
    c->engine = &engine;
    c->tls = (struct tls *)(void *)c;
    c->open_ns = now_ns();
    conn_enter(c, EV_WATCH);
}
