/* SPDX-License-Identifier: MIT */
/* Preloaded below libtlsup.so: counts what is asked of libc and of the kernel. */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

static atomic_ulong calls;

/* How many there were. */
unsigned long tally(void);
unsigned long tally(void)
{
    return calls;
}

#define COUNTED(ret, name, params, args)                                                                     \
    ret name params                                                                                          \
    {                                                                                                        \
        static ret(*next) params;                                                                            \
        void *found = next ? NULL : dlsym(RTLD_NEXT, #name);                                                 \
        if (found)                                                                                           \
            memcpy(&next, &found, sizeof next);                                                              \
        calls++;                                                                                             \
        return next args;                                                                                    \
    }

COUNTED(ssize_t, recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags))
COUNTED(ssize_t, send, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags))
COUNTED(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
        (fd, level, name, value, len))
COUNTED(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
        (fd, level, name, value, len))
COUNTED(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
COUNTED(int, ppoll, (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
        (fds, n, timeout, mask))
COUNTED(int, epoll_pwait, (int set, struct epoll_event *events, int max, int timeout, const sigset_t *mask),
        (set, events, max, timeout, mask))
COUNTED(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *event), (set, op, fd, event))
COUNTED(int, madvise, (void *at, size_t len, int advice), (at, len, advice))
COUNTED(int, pthread_mutex_lock, (pthread_mutex_t * lock), (lock))
COUNTED(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
