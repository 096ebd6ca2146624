/* SPDX-License-Identifier: MIT */
/* Readiness: each wait goes to the kernel as it is unless it is about a conn. */
#include "shim/hooks/hooks.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"
#include "shim/wait/memory.h"
#include "shim/wait/poll.h"
#include "shim/wait/select.h"

#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL
#define US_PER_S  1000000

/* glibc declares its fortified forms only where the macros that lead to them are on. */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
                size_t room);

/* ---- poll ---- */

/* glibc says that poll only writes to its array; of the interposed one the numbers in it are read. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

static int poll_through(struct pollfd *fds, nfds_t n, int timeout)
{
    struct timespec store;
    return wait_poll(fds, n, wait_timespec(timeout < 0 ? -1 : timeout * NS_PER_MS, &store), NULL);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    return wait_poll_ours(fds, n) ? poll_through(fds, n, timeout) : real.poll(fds, n, timeout);
}
ALIAS_OF(poll) int __poll(struct pollfd *fds, nfds_t n, int timeout);

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    return wait_poll_ours(fds, n) ? wait_poll(fds, n, timeout, mask) : real.ppoll(fds, n, timeout, mask);
}

/* Too small a room ends the program, with libc's own words. */
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
    if (room / sizeof *fds < n || !wait_poll_ours(fds, n))
        return real.__poll_chk(fds, n, timeout, room);
    return poll_through(fds, n, timeout);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
                       size_t room)
{
    if (room / sizeof *fds < n || !wait_poll_ours(fds, n))
        return real.__ppoll_chk(fds, n, timeout, mask, room);
    return wait_poll(fds, n, timeout, mask);
}

/* ---- select ---- */

EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
    struct select_sets sets = {.n = n, .in = r, .out = w, .special = e};
    if (!wait_select_ours(&sets) || (timeout && (!memory_all(timeout, sizeof *timeout, true) ||
                                                 timeout->tv_sec < 0 || timeout->tv_usec < 0)))
        return real.select(n, r, w, e, timeout);
    struct timespec time;
    int64_t left = -1;
    if (timeout) {
        time.tv_sec = timeout->tv_sec + timeout->tv_usec / US_PER_S;
        time.tv_nsec = timeout->tv_usec % US_PER_S * NS_PER_US;
    }
    int rc = wait_select(&sets, timeout ? &time : NULL, NULL, &left);
    if (timeout && left >= 0) { /* Linux writes back what is left, select(2) */
        timeout->tv_sec = (time_t)(left / NS_PER_S);
        timeout->tv_usec = (suseconds_t)(left % NS_PER_S / NS_PER_US);
    }
    return rc;
}
ALIAS_OF(select) int __select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout);

EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout,
                   const sigset_t *mask)
{
    struct select_sets sets = {.n = n, .in = r, .out = w, .special = e};
    if (!wait_select_ours(&sets) ||
        (timeout && (!memory_all(timeout, sizeof *timeout, false) || timeout->tv_sec < 0 ||
                     timeout->tv_nsec < 0 || timeout->tv_nsec >= NS_PER_S)))
        return real.pselect(n, r, w, e, timeout, mask);
    return wait_select(&sets, timeout, mask, NULL);
}

/* ---- epoll ---- */

static int created(int set)
{
    int error = errno;
    if (set >= 0 && table_is_ours())
        epoll_created(set);
    errno = error;
    return set;
}

EXPORT int epoll_create(int size)
{
    return created(real.epoll_create(size));
}

EXPORT int epoll_create1(int flags)
{
    return created(real.epoll_create1(flags));
}

EXPORT int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    return wait_epoll_ctl(set, op, fd, event);
}

EXPORT int epoll_wait(int set, struct epoll_event *events, int max, int timeout)
{
    if (epoll_is_foreign(set))
        return real.epoll_wait(set, events, max, timeout);
    struct epoll_call call = {.set = set, .events = events, .max = max};
    call.timeout_ns = timeout < 0 ? -1 : timeout * NS_PER_MS;
    return wait_epoll(&call);
}

EXPORT int epoll_pwait(int set, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
    if (epoll_is_foreign(set))
        return real.epoll_pwait(set, events, max, timeout, mask);
    struct epoll_call call = {.set = set, .events = events, .max = max, .mask = mask};
    call.timeout_ns = timeout < 0 ? -1 : timeout * NS_PER_MS;
    return wait_epoll(&call);
}

EXPORT int epoll_pwait2(int set, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *mask)
{
    if (epoll_is_foreign(set) ||
        (timeout && (!memory_all(timeout, sizeof *timeout, false) || timeout->tv_sec < 0 ||
                     timeout->tv_nsec < 0 || timeout->tv_nsec >= NS_PER_S)))
        return real.epoll_pwait2(set, events, max, timeout, mask);
    struct epoll_call call = {.set = set, .events = events, .max = max, .mask = mask, .precise = true};
    call.timeout_ns = wait_span(timeout);
    return wait_epoll(&call);
}
