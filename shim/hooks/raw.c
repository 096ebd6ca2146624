/* SPDX-License-Identifier: MIT */
/* libc's syscall(): libuv closes with it. What concerns a conn goes to the hook of that name; every other
 * number is passed on unharmed, six words blindly, as the kernel takes them. */
#include "shim/config.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/hooks/root.h"
#include "shim/hooks/signals.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/memory.h"

#include <fcntl.h>
#include <linux/net.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

struct words {
    long a, b, c, d, e, f;
};

#define P(type, word)                                                                                        \
    ((type)(word)) /* NOLINT(performance-no-int-to-ptr): registers hold pointers as words                    \
                    */

/* Calls that give a number for something new, besides their work. */
static bool arrivals_call(long number, const struct words *w, long *result)
{
    struct sockaddr *addr = P(struct sockaddr *, w->b);
    socklen_t *len = P(socklen_t *, w->c);
    switch (number) {
#ifdef SYS_accept
    case SYS_accept: *result = accept((int)w->a, addr, len); return true;
#endif
    case SYS_accept4: *result = accept4((int)w->a, addr, len, (int)w->d); return true;
    case SYS_epoll_create1: *result = epoll_create1((int)w->a); return true;
    case SYS_epoll_ctl:
        *result = epoll_ctl((int)w->a, (int)w->b, (int)w->c, P(struct epoll_event *, w->d));
        return true;
    case SYS_epoll_pwait:
        *result = epoll_pwait((int)w->a, P(struct epoll_event *, w->b), (int)w->c, (int)w->d,
                              P(const sigset_t *, w->e));
        return true;
    default: return false;
    }
}

/* Calls that begin or end a number. */
static bool numbers_call(long number, const struct words *w, long *result)
{
    switch (number) {
    case SYS_socket: *result = socket((int)w->a, (int)w->b, (int)w->c); return true;
    case SYS_connect:
        *result = connect((int)w->a, P(const struct sockaddr *, w->b), (socklen_t)w->c);
        return true;
    case SYS_close: *result = close((int)w->a); return true;
    case SYS_close_range: *result = close_range((unsigned)w->a, (unsigned)w->b, (int)w->c); return true;
    case SYS_dup: *result = dup((int)w->a); return true;
#ifdef SYS_dup2
    case SYS_dup2: *result = dup2((int)w->a, (int)w->b); return true;
#endif
    case SYS_dup3: *result = dup3((int)w->a, (int)w->b, (int)w->c); return true;
    case SYS_fcntl: *result = fcntl((int)w->a, (int)w->b, w->c); return true;
#ifdef SYS_fcntl64
    case SYS_fcntl64: *result = fcntl64((int)w->a, (int)w->b, w->c); return true;
#endif
    case SYS_shutdown: *result = shutdown((int)w->a, (int)w->b); return true;
    default: return false;
    }
}

/* Calls that start another program in this one's place. */
static bool exec_call(long number, const struct words *w, long *result)
{
    char *const *argv = P(char *const *, w->b), *const *envp = P(char *const *, w->c);
    switch (number) {
    case SYS_execve: *result = execve(P(const char *, w->a), argv, envp); return true;
    case SYS_execveat:
        argv = P(char *const *, w->c), envp = P(char *const *, w->d);
        *result = execveat((int)w->a, P(const char *, w->b), argv, envp, (int)w->e);
        return true;
    default: return false;
    }
}

/* Calls after which paths lead elsewhere. */
static bool root_call(long number, const struct words *w, long *result)
{
    switch (number) {
    case SYS_chroot: *result = chroot(P(const char *, w->a)); return true;
    case SYS_pivot_root: *result = root_pivot(P(const char *, w->a), P(const char *, w->b)); return true;
    case SYS_setns: *result = setns((int)w->a, (int)w->b); return true;
    default: return false;
    }
}

/* Calls that move bytes of the first word's descriptor. */
static bool bytes_call(long number, const struct words *w, long *result)
{
    int fd = (int)w->a;
    switch (number) {
    case SYS_read: *result = read(fd, P(void *, w->b), (size_t)w->c); return true;
    case SYS_write: *result = write(fd, P(const void *, w->b), (size_t)w->c); return true;
    case SYS_readv: *result = readv(fd, P(const struct iovec *, w->b), (int)w->c); return true;
    case SYS_writev: *result = writev(fd, P(const struct iovec *, w->b), (int)w->c); return true;
    case SYS_recvfrom:
        *result = recvfrom(fd, P(void *, w->b), (size_t)w->c, (int)w->d, P(struct sockaddr *, w->e),
                           P(socklen_t *, w->f));
        return true;
    case SYS_sendto:
        *result = sendto(fd, P(const void *, w->b), (size_t)w->c, (int)w->d, P(const struct sockaddr *, w->e),
                         (socklen_t)w->f);
        return true;
    case SYS_recvmsg: *result = recvmsg(fd, P(struct msghdr *, w->b), (int)w->c); return true;
    case SYS_sendmsg: *result = sendmsg(fd, P(const struct msghdr *, w->b), (int)w->c); return true;
    case SYS_sendmmsg:
        *result = sendmmsg(fd, P(struct mmsghdr *, w->b), (unsigned)w->c, (int)w->d);
        return true;
    default: return false;
    }
}

/* The sixth word lies where a caller with fewer has something else. */
__attribute__((no_sanitize_address)) /* Calls that move bytes between two descriptors, or by an offset: their
                                        hooks say what a conn cannot do. */
static bool
bulk_call(long number, const struct words *w, long *result)
{
    switch (number) {
    case SYS_sendfile: *result = sendfile((int)w->a, (int)w->b, P(off_t *, w->c), (size_t)w->d); return true;
#ifdef SYS_sendfile64
    case SYS_sendfile64:
        *result = sendfile64((int)w->a, (int)w->b, P(off64_t *, w->c), (size_t)w->d);
        return true;
#endif
    case SYS_splice:
        *result = splice((int)w->a, P(off64_t *, w->b), (int)w->c, P(off64_t *, w->d), (size_t)w->e,
                         (unsigned)w->f);
        return true;
    case SYS_preadv2:
    case SYS_pwritev2:
        if (!numbers_is_sealed((int)w->a))
            return false;
        *result = failed(EOPNOTSUPP);
        return true;
    default: return false;
    }
}

/* On some machines every call on a socket is also the one of this number, with its words in memory
 * (socketcall(2)). Those of which we want to know are told by their own number. */
static bool socket_call(long number, const struct words *w, long *result)
{
#ifdef SYS_socketcall
    static const struct {
        short number, words;
    } calls[] = {
        [SYS_SOCKET] = {SYS_socket, 3},     [SYS_CONNECT] = {SYS_connect, 3},
        [SYS_ACCEPT] = {SYS_accept4, 3},    [SYS_SEND] = {SYS_sendto, 4},
        [SYS_RECV] = {SYS_recvfrom, 4},     [SYS_SENDTO] = {SYS_sendto, 6},
        [SYS_RECVFROM] = {SYS_recvfrom, 6}, [SYS_SHUTDOWN] = {SYS_shutdown, 2},
        [SYS_SENDMSG] = {SYS_sendmsg, 3},   [SYS_RECVMSG] = {SYS_recvmsg, 3},
        [SYS_ACCEPT4] = {SYS_accept4, 4},   [SYS_SENDMMSG] = {SYS_sendmmsg, 4},
    };
    const long *given = P(const long *, w->b);
    long word[6] = {0};
    if (number != SYS_socketcall || w->a < 0 || (size_t)w->a >= sizeof calls / sizeof *calls)
        return false;
    size_t bytes = (size_t)calls[w->a].words * sizeof *word;
    if (!bytes || !memory_all(given, bytes, false))
        return false;
    memcpy(word, given, bytes);
    *result = syscall(calls[w->a].number, word[0], word[1], word[2], word[3], word[4], word[5]);
    return true;
#else
    (void)number, (void)w, (void)result;
    return false;
#endif
}

/* What is done by a ring passes libc by: programs that are told ENOSYS do without (DESIGN section 8). */
static bool ring_call(long number, long *result)
{
    int saved = errno;
    bool forbidden = number == SYS_io_uring_setup && config_demands();
    errno = saved;
    if (forbidden)
        *result = failed(ENOSYS);
    return forbidden;
}

EXPORT long syscall(long number, ...)
{
    va_list ap;
    struct words w;
    long result;
    va_start(ap, number);
    w.a = va_arg(ap, long);
    w.b = va_arg(ap, long);
    w.c = va_arg(ap, long);
    w.d = va_arg(ap, long);
    w.e = va_arg(ap, long);
    w.f = va_arg(ap, long);
    va_end(ap);
    if (numbers_call(number, &w, &result) || arrivals_call(number, &w, &result) ||
        bulk_call(number, &w, &result) || exec_call(number, &w, &result) || root_call(number, &w, &result) ||
        socket_call(number, &w, &result) || ring_call(number, &result))
        return result;
    if (number == SYS_rt_sigaction && w.b)
        signals_past_us();
    bool implicit_connect = (number == SYS_sendto && w.d & MSG_FASTOPEN) || number == SYS_sendmsg;
    if ((implicit_connect || numbers_governed((int)w.a)) && bytes_call(number, &w, &result))
        return result;
    return real.syscall(number, w.a, w.b, w.c, w.d, w.e, w.f);
}
