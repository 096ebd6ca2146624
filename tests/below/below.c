/* SPDX-License-Identifier: MIT */
/*
 * below.so: LD_PRELOAD=libtlsup.so:below.so. What libtlsup.so takes for libc is this: every call on a stream
 * socket may move fewer bytes, be interrupted, or find nothing to do yet, as fate.h says. tests/lib.bash has
 * the variable by which a suite runs on it.
 */
#include "tests/below/fate.h"
#include "tests/below/next.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

__attribute__((constructor)) static void born(void)
{
    next_find();
    fate_init();
}

static ssize_t nothing(int error)
{
    errno = error;
    return -1;
}

/* What was kept back came now: an edge, where one was asked for. */
static void came(int fd)
{
    int set, saved = errno;
    struct epoll_event event;
    fate_lock();
    if (fate_edge(fd, &set, &event))
        next.epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
    fate_unlock();
    errno = saved;
}

/* True: the call is made. */
static bool goes(int fd, enum fate fate, bool *cut)
{
    *cut = fate == FATE_SHORT;
    if (fate == FATE_AGAIN)
        came(fd);
    if (fate == FATE_AGAIN || fate == FATE_INTERRUPTED)
        errno = fate == FATE_AGAIN ? EAGAIN : EINTR;
    return fate == FATE_NONE || fate == FATE_SHORT;
}

/* ---- in ---- */

/* True: the call is made, for *len bytes. */
static bool goes_in(int fd, int flags, size_t *len, bool *cut)
{
    next_find();
    return goes(fd, fate_recv(fd, flags, len), cut);
}

static ssize_t got(int fd, int flags, ssize_t n, bool cut)
{
    if (flags & MSG_PEEK)
        fate_looked(fd, n);
    else
        fate_took(fd, n);
    if (cut)
        came(fd);
    return n;
}

EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    bool cut;
    return goes_in(fd, flags, &len, &cut) ? got(fd, flags, next.recv(fd, buf, len, flags), cut) : -1;
}

EXPORT ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
    bool cut;
    return goes_in(fd, flags, &len, &cut)
               ? got(fd, flags, next.recvfrom(fd, buf, len, flags, addr, addr_len), cut)
               : -1;
}

EXPORT ssize_t read(int fd, void *buf, size_t len)
{
    bool cut;
    return goes_in(fd, 0, &len, &cut) ? got(fd, 0, next.read(fd, buf, len), cut) : -1;
}

/* Of a vector the first part is enough for less. */
EXPORT ssize_t readv(int fd, const struct iovec *iov, int n)
{
    bool cut;
    struct iovec part = n > 0 && iov ? iov[0] : (struct iovec){NULL, 0};
    if (!goes_in(fd, 0, &part.iov_len, &cut))
        return -1;
    return got(fd, 0, cut ? next.readv(fd, &part, 1) : next.readv(fd, iov, n), cut);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    bool cut;
    struct iovec part = msg && msg->msg_iovlen && msg->msg_iov ? msg->msg_iov[0] : (struct iovec){NULL, 0};
    if (!goes_in(fd, flags, &part.iov_len, &cut))
        return -1;
    if (!cut || !msg)
        return got(fd, flags, next.recvmsg(fd, msg, flags), false);
    struct msghdr less = *msg;
    less.msg_iov = &part;
    less.msg_iovlen = 1;
    ssize_t result = next.recvmsg(fd, &less, flags);
    less.msg_iov = msg->msg_iov;
    less.msg_iovlen = msg->msg_iovlen;
    *msg = less;
    return got(fd, flags, result, true);
}

/* ---- out ---- */

static bool goes_out(int fd, int flags, size_t *len, bool *cut)
{
    next_find();
    return goes(fd, fate_send(fd, flags, len), cut);
}

static ssize_t gave(int fd, ssize_t n, bool cut)
{
    if (cut)
        came(fd);
    return n;
}

EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    bool cut;
    return goes_out(fd, flags, &len, &cut) ? gave(fd, next.send(fd, buf, len, flags), cut) : -1;
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
                      socklen_t addr_len)
{
    bool cut;
    return goes_out(fd, flags, &len, &cut) ? gave(fd, next.sendto(fd, buf, len, flags, addr, addr_len), cut)
                                           : -1;
}

EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
    bool cut;
    return goes_out(fd, 0, &len, &cut) ? gave(fd, next.write(fd, buf, len), cut) : -1;
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
    bool cut;
    struct iovec part = n > 0 && iov ? iov[0] : (struct iovec){NULL, 0};
    if (!goes_out(fd, 0, &part.iov_len, &cut))
        return -1;
    return gave(fd, cut ? next.writev(fd, &part, 1) : next.writev(fd, iov, n), cut);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    bool cut, bare = msg && !msg->msg_controllen && msg->msg_iovlen && msg->msg_iov;
    struct iovec part = bare ? msg->msg_iov[0] : (struct iovec){NULL, 0};
    if (!goes_out(fd, flags, &part.iov_len, &cut))
        return -1;
    if (!cut || !msg)
        return next.sendmsg(fd, msg, flags);
    struct msghdr less = *msg;
    less.msg_iov = &part;
    less.msg_iovlen = 1;
    return gave(fd, next.sendmsg(fd, &less, flags), true);
}

/* ---- connections ---- */

/* A connect() that is interrupted goes on by itself (connect(2)). */
EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    next_find();
    if (!addr || len < (socklen_t)sizeof addr->sa_family || addr->sa_family == AF_UNSPEC || !fate_connect(fd))
        return next.connect(fd, addr, len);
    int flags = next.fcntl(fd, F_GETFL);
    next.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int result = next.connect(fd, addr, len), error = errno;
    next.fcntl(fd, F_SETFL, flags);
    errno = error == EINPROGRESS ? EINTR : error;
    return result;
}

EXPORT int close(int fd)
{
    next_find();
    fate_forget(fd);
    return next.close(fd);
}

/* ---- waits ---- */

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    next_find();
    return timeout && fate_wait(NULL) ? (int)nothing(EINTR) : next.poll(fds, n, timeout);
}

static bool none(const struct timespec *t)
{
    return t && !t->tv_sec && !t->tv_nsec;
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    next_find();
    return !none(timeout) && fate_wait(mask) ? (int)nothing(EINTR) : next.ppoll(fds, n, timeout, mask);
}

EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
    next_find();
    bool waits = !timeout || timeout->tv_sec || timeout->tv_usec;
    return waits && fate_wait(NULL) ? (int)nothing(EINTR) : next.select(n, r, w, e, timeout);
}

EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout,
                   const sigset_t *mask)
{
    next_find();
    return !none(timeout) && fate_wait(mask) ? (int)nothing(EINTR) : next.pselect(n, r, w, e, timeout, mask);
}

EXPORT int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    next_find();
    fate_lock();
    int result = next.epoll_ctl(set, op, fd, event), saved = errno;
    if (result == 0)
        fate_registered(set, op, fd, event);
    fate_unlock();
    errno = saved;
    return result;
}

EXPORT int epoll_wait(int set, struct epoll_event *events, int max, int timeout)
{
    next_find();
    return timeout && fate_wait(NULL) ? (int)nothing(EINTR) : next.epoll_wait(set, events, max, timeout);
}

EXPORT int epoll_pwait(int set, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
    next_find();
    return timeout && fate_wait(mask) ? (int)nothing(EINTR)
                                      : next.epoll_pwait(set, events, max, timeout, mask);
}

EXPORT int epoll_pwait2(int set, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *mask)
{
    next_find();
    return !none(timeout) && fate_wait(mask) ? (int)nothing(EINTR)
                                             : next.epoll_pwait2(set, events, max, timeout, mask);
}
