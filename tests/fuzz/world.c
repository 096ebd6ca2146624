/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/world.h"

#include "shim/config.h"
#include "shim/conn/conn.h"
#include "shim/conn/pool.h"
#include "shim/real.h"
#include "shim/table.h"
#include "tests/fuzz/must.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

struct world world;

void __wrap_real_now(struct timespec *now);

void world_bytes_add(struct world_bytes *b, const void *at, size_t len)
{
    size_t room = sizeof b->at - b->len, n = len < room ? len : room;
    if (n)
        memcpy(b->at + b->len, at, n);
    b->len += n;
}

static ssize_t fails(int error)
{
    errno = error;
    return -1;
}

/* ---- the clock ---- */

void __wrap_real_now(struct timespec *now)
{
    now->tv_sec = (time_t)(world.clock_ns / 1000000000U);
    now->tv_nsec = (long)(world.clock_ns % 1000000000U);
}

/* ---- the socket ---- */

static ssize_t world_recv(int fd, void *buf, size_t len, int flags)
{
    MUST(fd == WORLD_FD);
    struct world_bytes *in = &world.arrived;
    MUST(flags & MSG_DONTWAIT); /* nothing of ours may wait */
    if (world.reset) {
        world.reset = false;
        world.connected = false;
        return fails(ECONNRESET);
    }
    if (in->len == 0) {
        if (world.fin || world.shut)
            return 0;
        return fails(world.connected || world.dialling ? EAGAIN : ENOTCONN);
    }
    size_t n = len < in->len ? len : in->len;
    memcpy(buf, in->at, n);
    if (!(flags & MSG_PEEK)) {
        memmove(in->at, in->at + n, in->len - n);
        in->len -= n;
    }
    return (ssize_t)n;
}

static ssize_t world_send(int fd, const void *buf, size_t len, int flags)
{
    MUST(fd == WORLD_FD && flags & MSG_DONTWAIT && flags & MSG_NOSIGNAL);
    if (world.shut || (!world.connected && !world.dialling))
        return fails(EPIPE);
    if (world.full || world.dialling)
        return fails(EAGAIN);
    bool asks = world.conn && conn_state_of(world.conn) == CONN_NEGOTIATE;
    world_bytes_add(asks ? &world.asked : &world.clear, buf, len);
    return (ssize_t)len;
}

static int world_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    (void)len;
    MUST(fd == WORLD_FD);
    world.arrived.len = world.asked.len = world.clear.len = 0;
    world.connected = world.dialling = world.fin = world.reset = world.shut = false;
    world.error = 0;
    if (addr->sa_family == AF_UNSPEC)
        return 0;
    MUST(++world.dials < 64); /* a destination is not dialled for ever */
    if (world.refuses)
        return (int)fails(ECONNREFUSED);
    world.dialling = true;
    return (int)fails(EINPROGRESS);
}

static short readiness(void)
{
    if (world.dialling)
        return 0;
    if (!world.connected)
        return POLLOUT | POLLHUP | (world.error ? POLLERR : 0);
    return (short)((world.full ? 0 : POLLOUT) | (world.arrived.len || world.fin ? POLLIN : 0) |
                   (world.reset ? POLLERR | POLLHUP | POLLIN : 0));
}

static int world_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    MUST(n == 1 && timeout == 0 && fds->fd == WORLD_FD);
    fds->revents = (short)(readiness() & (fds->events | POLLERR | POLLHUP));
    return fds->revents != 0;
}

static int option(int level, int name)
{
    if (level != SOL_SOCKET)
        return 0;
    switch (name) {
    case SO_TYPE: return SOCK_STREAM;
    case SO_PROTOCOL: return IPPROTO_TCP;
    case SO_RCVLOWAT: return 1;
    default: return 0;
    }
}

static int world_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    MUST(fd == WORLD_FD);
    if (level == SOL_SOCKET && name == SO_COOKIE) {
        memcpy(value, &world.cookie, sizeof world.cookie);
        return 0;
    }
    int given = option(level, name);
    if (level == SOL_SOCKET && name == SO_ERROR) {
        given = world.error;
        world.error = 0;
    }
    memset(value, 0, *len);
    memcpy(value, &given, *len < sizeof given ? *len : sizeof given);
    return 0;
}

static int world_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    (void)level, (void)name, (void)value, (void)len;
    MUST(fd == WORLD_FD);
    return 0;
}

static int world_shutdown(int fd, int how)
{
    MUST(fd == WORLD_FD);
    if (!world.connected)
        return (int)fails(ENOTCONN);
    if (how == SHUT_RDWR)
        world.shut = true;
    return 0;
}

static int world_fcntl(int fd, int cmd, ...)
{
    MUST(fd == WORLD_FD);
    return cmd == F_GETFD || cmd == F_SETFD || cmd == F_GETFL ? 0 : (int)fails(EINVAL);
}

static int world_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    MUST(fd == WORLD_FD && request == FIONREAD);
    va_start(args, request);
    *va_arg(args, int *) = (int)world.arrived.len;
    va_end(args);
    return 0;
}

static int world_close(int fd)
{
    (void)fd;
    return 0;
}

void world_begin(void)
{
    real_resolve();
    real.recv = world_recv;
    real.send = world_send;
    real.connect = world_connect;
    real.poll = world_poll;
    real.getsockopt = world_getsockopt;
    real.setsockopt = world_setsockopt;
    real.shutdown = world_shutdown;
    real.fcntl = world_fcntl;
    real.ioctl = world_ioctl;
    real.close = world_close;
    world.clock_ns = 1000000000000U;
    table_adopt();
}

void world_socket(void)
{
    world.connected = world.dialling = world.refuses = world.full = world.fin = world.reset = false;
    world.shut = world.notified = false;
    world.dials = 0;
    world.conn = NULL;
    world.cookie++;
    world.arrived.len = world.asked.len = world.clear.len = world.sealed.len = world.opened.len = 0;
    table_set_bits(WORLD_FD, SLOT_FRESH, 0);
}

/* ---- the policy ---- */

struct policy *config_policy(uint16_t port, bool *refused, char *why, size_t cap)
{
    (void)port, (void)refused, (void)why, (void)cap;
    return policy_ref(world.policy);
}

bool config_demands(void)
{
    return true;
}
