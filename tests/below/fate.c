/* SPDX-License-Identifier: MIT */
#include "tests/below/fate.h"
#include "tests/below/next.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NUMBERS 1024 /* higher ones are left alone */

static uint64_t seed;
static unsigned percent; /* 0: asleep */
static _Atomic(uint64_t) drawn;

static struct number {
    _Atomic(size_t) seen; /* bytes that MSG_PEEK showed and nobody took */
    atomic_bool hurt;     /* the last call got nothing */
    bool edge, several;   /* edge-triggered in one set; in more than one, or one that cannot be told again */
    int set;
    struct epoll_event event;
} numbers[NUMBERS];

static struct number *number(int fd)
{
    return fd >= 0 && fd < NUMBERS ? &numbers[fd] : NULL;
}

/* ---- dice ---- */

/* splitmix64 */
static uint64_t draw(void)
{
    uint64_t z = seed + 0x9e3779b97f4a7c15U * (atomic_fetch_add(&drawn, 1) + 1);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static bool struck(void)
{
    return percent && draw() % 100 < percent;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fresh_lock(void)
{
    pthread_mutex_init(&lock, NULL);
}

void fate_init(void)
{
    const char *text = getenv("BELOW");
    char *end;
    if (!text || !*text)
        return;
    seed = strtoull(text, &end, 10);
    percent = *end == '/' ? (unsigned)strtoul(end + 1, &end, 10) : 25;
    if (*end || percent > 90)
        abort(); /* a run that does nothing would look like a good one */
    pthread_atfork(NULL, NULL, fresh_lock);
}

/* ---- signals ---- */

/* No sleep ends by a fault. */
static bool is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
           signal == SIGTRAP || signal == SIGSYS || signal == SIGABRT;
}

bool fate_interruptible(const sigset_t *mask, bool restarted)
{
    sigset_t now;
    if (!mask) {
        pthread_sigmask(SIG_BLOCK, NULL, &now);
        mask = &now;
    }
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction a;
        if (signal == 32 || signal == 33) /* libc's own */
            continue;
        if (is_fault(signal) || sigismember(mask, signal) || sigaction(signal, NULL, &a) != 0)
            continue;
        bool handled = a.sa_flags & SA_SIGINFO || (a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN);
        if (handled && (restarted || !(a.sa_flags & SA_RESTART)))
            return true;
    }
    return false;
}

bool fate_wait(const sigset_t *mask)
{
    static __thread bool again;
    again = !again && struck() && fate_interruptible(mask, true);
    return again;
}

/* ---- calls on a socket ---- */

/* What is asked here leaves no errno behind. */
static int option(int fd, int name)
{
    int value = -1, saved = errno;
    socklen_t len = sizeof value;
    bool known = next.getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0;
    errno = saved;
    return known ? value : -1;
}

static bool has_timeout(int fd, int name)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    return next.getsockopt(fd, SOL_SOCKET, name, &tv, &len) == 0 && (tv.tv_sec || tv.tv_usec);
}

static bool waits(int fd, int flags)
{
    return !(flags & MSG_DONTWAIT) && !(next.fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* With a timeout no call is restarted, whatever the handler says (signal(7)). */
static bool interruptible(int fd, int timeout)
{
    return fate_interruptible(NULL, has_timeout(fd, timeout));
}

static enum fate choose(struct number *n, bool may_short, bool may_again, bool may_interrupt)
{
    enum fate may[3];
    size_t k = 0;
    bool hurt = atomic_exchange(&n->hurt, false);
    if (may_short)
        may[k++] = FATE_SHORT;
    if (may_again && !hurt)
        may[k++] = FATE_AGAIN;
    if (may_interrupt && !hurt)
        may[k++] = FATE_INTERRUPTED;
    enum fate fate = k ? may[draw() % k] : FATE_NONE;
    if (fate == FATE_AGAIN || fate == FATE_INTERRUPTED)
        atomic_store(&n->hurt, true);
    return fate;
}

/* The kernel's own number of bytes, or fewer: one half of the time. */
static void shorten(size_t *len, size_t least)
{
    size_t few = draw() % 2 ? 1 : 1 + (size_t)(draw() % *len);
    if (few < least)
        few = least;
    if (few < *len)
        *len = few;
}

static struct number *struck_number(int fd)
{
    struct number *n = struck() ? number(fd) : NULL;
    return n && !n->several && option(fd, SO_TYPE) == SOCK_STREAM ? n : NULL;
}

enum fate fate_recv(int fd, int flags, size_t *len)
{
    struct number *n = struck_number(fd);
    if (!n || !*len || flags & (MSG_OOB | MSG_ERRQUEUE | MSG_TRUNC))
        return FATE_NONE;
    bool wait = waits(fd, flags), signal = flags & MSG_DONTWAIT || interruptible(fd, SO_RCVTIMEO);
    bool whole = wait && flags & MSG_WAITALL && !signal;
    size_t seen = atomic_load(&n->seen);
    enum fate fate = choose(n, *len > 1 && !whole, !wait && !seen, signal);
    if (fate == FATE_SHORT)
        shorten(len, flags & MSG_PEEK ? seen : 1);
    return fate;
}

enum fate fate_send(int fd, int flags, size_t *len)
{
    struct number *n = struck_number(fd);
    if (!n || !*len || flags & (MSG_OOB | MSG_ZEROCOPY | MSG_FASTOPEN))
        return FATE_NONE;
    bool wait = waits(fd, flags), signal = flags & MSG_DONTWAIT || interruptible(fd, SO_SNDTIMEO);
    bool cut = !wait || fate_interruptible(NULL, true) || has_timeout(fd, SO_SNDTIMEO);
    /* a local socket has room, or it has not */
    enum fate fate = choose(n, *len > 1 && cut, !wait && option(fd, SO_DOMAIN) != AF_UNIX, signal);
    if (fate == FATE_SHORT)
        shorten(len, 1);
    return fate;
}

bool fate_connect(int fd)
{
    struct number *n = struck_number(fd);
    return n && option(fd, SO_DOMAIN) != AF_UNIX && waits(fd, 0) && has_timeout(fd, SO_SNDTIMEO);
}

void fate_looked(int fd, long n)
{
    struct number *at = number(fd);
    if (at && n > 0 && atomic_load(&at->seen) < (size_t)n)
        atomic_store(&at->seen, (size_t)n);
}

void fate_took(int fd, long n)
{
    struct number *at = number(fd);
    if (!at || n <= 0)
        return;
    size_t seen = atomic_load(&at->seen);
    atomic_store(&at->seen, seen > (size_t)n ? seen - (size_t)n : 0);
}

/* ---- edges ---- */

void fate_lock(void)
{
    pthread_mutex_lock(&lock);
}

void fate_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void fate_registered(int set, int op, int fd, const struct epoll_event *event)
{
    struct number *n = number(fd);
    bool edge = op != EPOLL_CTL_DEL && event->events & EPOLLET;
    if (!n)
        return;
    if (edge && (event->events & EPOLLEXCLUSIVE || (n->edge && n->set != set)))
        n->several = true;
    if (!edge && n->set != set) /* level-triggered, or gone: there the kernel tells again by itself */
        return;
    n->edge = edge;
    n->set = set;
    if (edge)
        n->event = *event;
}

bool fate_edge(int fd, int *set, struct epoll_event *event)
{
    const struct number *n = number(fd);
    if (!n || !n->edge || n->event.events & EPOLLONESHOT) /* whoever arms it again is told then */
        return false;
    *set = n->set;
    *event = n->event;
    return true;
}

void fate_forget(int fd)
{
    struct number *n = number(fd);
    if (!n)
        return;
    atomic_store(&n->seen, 0);
    atomic_store(&n->hurt, false);
    n->edge = n->several = false;
}
