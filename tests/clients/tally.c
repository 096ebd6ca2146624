/* SPDX-License-Identifier: MIT */
/* Preloaded below libtlsup.so: counts what is asked of libc and of the kernel. */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_ulong calls, pieces;

/* How many calls there were. */
unsigned long tally(void);
unsigned long tally(void)
{
    return calls;
}

/* How many pieces of memory were asked for. */
unsigned long tally_memory(void);
unsigned long tally_memory(void)
{
    return pieces;
}

static void find(void *next, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(next, &found, sizeof found);
}

#define COUNTED(ret, name, params, args) COUNTED_BY(calls, ret, name, params, args)
#define COUNTED_BY(counter, ret, name, params, args)                                                         \
    ret name params                                                                                          \
    {                                                                                                        \
        static ret(*next) params;                                                                            \
        if (!next)                                                                                           \
            find(&next, #name);                                                                              \
        counter++;                                                                                           \
        return next args;                                                                                    \
    }

COUNTED(ssize_t, recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags))
COUNTED(ssize_t, send, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags))
COUNTED(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len))
COUNTED(ssize_t, write, (int fd, const void *buf, size_t len), (fd, buf, len))
COUNTED(ssize_t, readv, (int fd, const struct iovec *iov, int n), (fd, iov, n))
COUNTED(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
COUNTED(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
        (fd, level, name, value, len))
COUNTED(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
        (fd, level, name, value, len))
COUNTED(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
COUNTED(int, ppoll, (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
        (fds, n, timeout, mask))
COUNTED(int, select, (int n, fd_set *in, fd_set *out, fd_set *special, struct timeval *timeout),
        (n, in, out, special, timeout))
COUNTED(int, epoll_wait, (int set, struct epoll_event *events, int max, int timeout),
        (set, events, max, timeout))
COUNTED(int, epoll_pwait, (int set, struct epoll_event *events, int max, int timeout, const sigset_t *mask),
        (set, events, max, timeout, mask))
COUNTED(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *event), (set, op, fd, event))
COUNTED(int, madvise, (void *at, size_t len, int advice), (at, len, advice))
COUNTED(pid_t, getpid, (void), ())
COUNTED_BY(pieces, void *, malloc, (size_t size), (size))
COUNTED(int, pthread_mutex_lock, (pthread_mutex_t * lock), (lock))
COUNTED(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
