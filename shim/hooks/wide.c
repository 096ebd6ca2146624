/* SPDX-License-Identifier: MIT */
/*
 * The names that a 32-bit libc has for offsets and times of 64 bits (syms32.def). On a conn each is the plain
 * call with its numbers made narrow: a wait of more than 68 years is one of 68 years. On everything else it
 * is libc's own.
 */
#include "shim/hooks/hooks.h"

#if HOOKS_ARE_32_BIT

#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"
#include "shim/wait/memory.h"
#include "shim/wait/poll.h"
#include "shim/wait/select.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#define NS_PER_S  1000000000
#define US_PER_S  1000000
#define NS_PER_US 1000

/* no header has these names: with numbers of 64 bits those of the plain calls lead to them */
#define HOOK(family, ret, name, params, args, fail) ret name params;
#define VARIADIC(family, ret, name, params)
#define ALIAS(name, hook)
#include "shim/syms32.def"
#undef HOOK
#undef VARIADIC
#undef ALIAS
ssize_t __sendmsg64(int fd, const struct msghdr *msg, int flags);
int __sendmmsg64(int fd, struct mmsghdr *vec, unsigned n, int flags);
int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len);
int __setsockopt64(int fd, int level, int name, const void *value, socklen_t len);
int __ioctl_time64(int fd, unsigned long request, ...);

/* ---- times ---- */

static time_t narrow_seconds(int64_t seconds)
{
    return (time_t)(seconds > INT32_MAX ? INT32_MAX : seconds < -1 ? -1 : seconds);
}

/* NULL is NULL; what libc would not accept stays what it would not accept. */
static const struct timespec *narrow(const struct wide_timespec *wide, struct timespec *store)
{
    if (!wide)
        return NULL;
    *store = (struct timespec){.tv_sec = narrow_seconds(wide->tv_sec), .tv_nsec = wide->tv_nsec};
    return store;
}

static bool is_time(const struct wide_timespec *time)
{
    return !time || (memory_all(time, sizeof *time, false) && time->tv_sec >= 0 && time->tv_nsec >= 0 &&
                     time->tv_nsec < NS_PER_S);
}

/* ---- waits ---- */

EXPORT int __ppoll64(struct pollfd *fds, nfds_t n, const struct wide_timespec *timeout, const sigset_t *mask)
{
    struct timespec store;
    if (!wait_poll_ours(fds, n) || !is_time(timeout))
        return real.__ppoll64(fds, n, timeout, mask);
    return wait_poll(fds, n, narrow(timeout, &store), mask);
}

EXPORT int __select64(int n, fd_set *r, fd_set *w, fd_set *e, struct wide_timeval *timeout)
{
    struct select_sets sets = {.n = n, .in = r, .out = w, .special = e};
    if (!wait_select_ours(&sets) || (timeout && (!memory_all(timeout, sizeof *timeout, true) ||
                                                 timeout->tv_sec < 0 || timeout->tv_usec < 0)))
        return real.__select64(n, r, w, e, timeout);
    struct timespec time;
    int64_t left = -1;
    if (timeout) {
        time.tv_sec = narrow_seconds(timeout->tv_sec + timeout->tv_usec / US_PER_S);
        time.tv_nsec = (long)(timeout->tv_usec % US_PER_S * NS_PER_US);
    }
    int rc = wait_select(&sets, timeout ? &time : NULL, NULL, &left);
    if (timeout && left >= 0) /* Linux writes back what is left, select(2) */
        *timeout = (struct wide_timeval){left / NS_PER_S, left % NS_PER_S / NS_PER_US};
    return rc;
}

EXPORT int __pselect64(int n, fd_set *r, fd_set *w, fd_set *e, const struct wide_timespec *timeout,
                       const sigset_t *mask)
{
    struct select_sets sets = {.n = n, .in = r, .out = w, .special = e};
    struct timespec store;
    if (!wait_select_ours(&sets) || !is_time(timeout))
        return real.__pselect64(n, r, w, e, timeout, mask);
    return wait_select(&sets, narrow(timeout, &store), mask, NULL);
}

EXPORT int __epoll_pwait2_time64(int set, struct epoll_event *events, int max,
                                 const struct wide_timespec *timeout, const sigset_t *mask)
{
    struct timespec store;
    if (epoll_is_foreign(set) || !is_time(timeout))
        return real.__epoll_pwait2_time64(set, events, max, timeout, mask);
    struct epoll_call call = {.set = set, .events = events, .max = max, .mask = mask, .precise = true};
    call.timeout_ns = wait_span(narrow(timeout, &store));
    return wait_epoll(&call);
}

/* ---- messages ---- */

EXPORT ssize_t __recvmsg64(int fd, struct msghdr *msg, int flags)
{
    return numbers_governed(fd) ? recvmsg(fd, msg, flags) : real.__recvmsg64(fd, msg, flags);
}

EXPORT int __recvmmsg64(int fd, struct mmsghdr *vec, unsigned n, int flags, struct wide_timespec *timeout)
{
    struct timespec store;
    if (!numbers_governed(fd) || !is_time(timeout) ||
        (timeout && !memory_all(timeout, sizeof *timeout, true)))
        return real.__recvmmsg64(fd, vec, numbers_governed(fd) ? 0 : n, flags, timeout);
    narrow(timeout, &store);
    int got = recvmmsg(fd, vec, n, flags, timeout ? &store : NULL);
    if (timeout)
        *timeout = (struct wide_timespec){.tv_sec = store.tv_sec, .tv_nsec = store.tv_nsec};
    return got;
}

EXPORT ssize_t __sendmsg64(int fd, const struct msghdr *msg, int flags)
{
    return sendmsg(fd, msg, flags);
}

EXPORT int __sendmmsg64(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
    return sendmmsg(fd, vec, n, flags);
}

EXPORT int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len)
{
    return getsockopt(fd, level, name, value, len);
}

EXPORT int __setsockopt64(int fd, int level, int name, const void *value, socklen_t len)
{
    return setsockopt(fd, level, name, value, len);
}

/* ---- numbers ---- */

EXPORT int __ioctl_time64(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    return ioctl(fd, request, arg);
}

/* Locks are of another size here, and a socket has none. */
EXPORT int fcntl64(int fd, int cmd, ...)
{
    va_list ap;
    va_start(ap, cmd);
    long arg = va_arg(ap, long);
    va_end(ap);
    switch (cmd) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return real.fcntl64(fd, cmd, arg);
    default: return fcntl(fd, cmd, arg);
    }
}
ALIAS_OF(fcntl64) int __fcntl_time64(int fd, int cmd, ...);

/* ---- bytes by an offset ---- */

EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t len)
{
    return bulk_is_ours(out, in) ? bulk_send_file(out, in, offset, len)
                                 : real.sendfile64(out, in, offset, len);
}

/* Of an offset all that counts on a socket is whether it is -1: "none". */
static off_t none_or_some(off64_t offset)
{
    return offset == -1 ? -1 : 0;
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return numbers_is_sealed(fd) ? preadv2(fd, iov, n, none_or_some(offset), flags)
                                 : real.preadv64v2(fd, iov, n, offset, flags);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return numbers_is_sealed(fd) ? pwritev2(fd, iov, n, none_or_some(offset), flags)
                                 : real.pwritev64v2(fd, iov, n, offset, flags);
}

/* ---- aio ---- */

static bool aio_may_pass(const struct aiocb64 *request)
{
    return !request || numbers_may_pass(request->aio_fildes, DOOR_AIO);
}

EXPORT int aio_read64(struct aiocb64 *request)
{
    return aio_may_pass(request) ? real.aio_read64(request) : -1;
}

EXPORT int aio_write64(struct aiocb64 *request)
{
    return aio_may_pass(request) ? real.aio_write64(request) : -1;
}

EXPORT int lio_listio64(int mode, struct aiocb64 *const list[], int n, struct sigevent *event)
{
    for (int i = 0; i < n; i++)
        if (!aio_may_pass(list[i]))
            return -1;
    return real.lio_listio64(mode, list, n, event);
}

#endif
