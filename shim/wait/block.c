/* SPDX-License-Identifier: MIT */
#include "shim/wait/block.h"

#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/conn/socket.h"
#include "shim/real.h"
#include "shim/table.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>

#define NS_PER_S     1000000000LL
#define NS_PER_US    1000LL
#define BLIND_NAP_NS 20000000LL /* how often a sleeper looks that nobody can wake */

/* ---- time ---- */

uint64_t wait_until_ns(int64_t timeout_ns)
{
    if (timeout_ns < 0)
        return WAIT_FOREVER;
    uint64_t now = now_ns();
    return (uint64_t)timeout_ns < WAIT_FOREVER - now ? now + (uint64_t)timeout_ns : WAIT_FOREVER;
}

int64_t wait_span(const struct timespec *timeout)
{
    int64_t seconds = timeout ? timeout->tv_sec : -1;
    if (!timeout || seconds > INT64_MAX / NS_PER_S - 1)
        return -1;
    return seconds * NS_PER_S + timeout->tv_nsec;
}

uint64_t wait_until(const struct timespec *timeout)
{
    return wait_until_ns(wait_span(timeout));
}

int64_t wait_left(uint64_t until)
{
    if (until == WAIT_FOREVER)
        return -1;
    uint64_t now = now_ns();
    if (until <= now)
        return 0;
    return until - now > INT64_MAX ? INT64_MAX : (int64_t)(until - now);
}

const struct timespec *wait_timespec(int64_t ns, struct timespec *store)
{
    if (ns < 0)
        return NULL;
    int64_t seconds = ns / NS_PER_S, most = sizeof store->tv_sec < sizeof ns ? INT32_MAX : INT64_MAX;
    store->tv_sec = (time_t)(seconds < most ? seconds : most);
    store->tv_nsec = (long)(ns % NS_PER_S);
    return store;
}

/* ---- what a descriptor says ---- */

int64_t wait_patience(int fd, int option)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    if (real.getsockopt(fd, SOL_SOCKET, option, &tv, &len) != 0 || (tv.tv_sec == 0 && tv.tv_usec == 0))
        return -1;
    return tv.tv_sec * NS_PER_S + tv.tv_usec * NS_PER_US;
}

bool wait_is_forbidden(int fd)
{
    int flags = real.fcntl(fd, F_GETFL);
    return flags >= 0 && flags & O_NONBLOCK;
}

/* ---- waiters: type-stable, for a program may leave a wait by siglongjmp() and never come back ---- */

#define CHUNK  64U
#define CHUNKS 1024U

/* What a sleeper's look at a conn depended on. */
struct sight {
    enum conn_state state;
    unsigned generation;
    uint64_t bytes_in, bytes_out;
    size_t held, peeked;
    bool pending, write_shut, read_shut;
    enum conn_rc ended;
};

struct waiter {
    struct conn_waiter link; /* first: conn.waiters points to it */
    struct sight sight;
    short events; /* what it asks the kernel for */
    atomic_bool busy;
    struct conn *conn;
    int fd;
    struct waiter *next; /* of the same call */
};

static struct waiter first_chunk[CHUNK];
static _Atomic(struct waiter *) chunks[CHUNKS]; /* but the first */

static struct waiter *chunk_at(unsigned i)
{
    return i ? atomic_load_explicit(&chunks[i], memory_order_acquire) : first_chunk;
}

static struct waiter *add_chunk(unsigned i)
{
    size_t size = CHUNK * sizeof(struct waiter);
    struct waiter *fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    struct waiter *none = NULL;
    if (!atomic_compare_exchange_strong(&chunks[i], &none, fresh))
        munmap(fresh, size);
    return atomic_load(&chunks[i]);
}

static struct waiter *waiter_new(void)
{
    for (unsigned i = 0; i < CHUNKS; i++) {
        struct waiter *chunk = chunk_at(i);
        if (!chunk)
            chunk = add_chunk(i);
        for (unsigned k = 0; chunk && k < CHUNK; k++)
            if (!atomic_load_explicit(&chunk[k].busy, memory_order_relaxed) &&
                !atomic_exchange(&chunk[k].busy, true))
                return &chunk[k];
    }
    return NULL;
}

/* Under the conn's lock. */
static void unlist(struct waiter *w)
{
    for (struct conn_waiter **at = &w->conn->waiters; *at; at = &(*at)->next)
        if (*at == &w->link) {
            *at = w->link.next;
            return;
        }
}

static struct sight sight_of(const struct conn *c)
{
    return (struct sight){
        .state = conn_state_of(c),
        .generation = c->generation,
        .bytes_in = c->bytes_in,
        .bytes_out = c->bytes_out,
        .held = buffer_len(&c->hold),
        .peeked = buffer_len(&c->peeked),
        .pending = conn_pending(c),
        .write_shut = c->write_shut,
        .read_shut = c->read_shut,
        .ended = c->ended,
    };
}

static bool same_sight(const struct sight *a, const struct sight *b)
{
    return a->state == b->state && a->generation == b->generation && a->bytes_in == b->bytes_in &&
           a->bytes_out == b->bytes_out && a->held == b->held && a->peeked == b->peeked &&
           a->pending == b->pending && a->write_shut == b->write_shut && a->read_shut == b->read_shut &&
           a->ended == b->ended;
}

void wait_wake(struct conn *c)
{
    const uint64_t one = 1;
    if (!c->waiters)
        return;
    struct sight now = sight_of(c);
    short wants = (short)((c->want_in ? POLLIN : 0) | (c->want_out ? POLLOUT : 0));
    for (struct conn_waiter *at = c->waiters; at; at = at->next) {
        const struct waiter *w = (const struct waiter *)(const void *)at;
        if (!same_sight(&w->sight, &now) || wants & ~w->events || !table_names(w->fd, c))
            real.write(at->wake, &one, sizeof one);
    }
}

/* ---- groups ---- */

void wait_group_init(struct wait_group *g)
{
    *g = (struct wait_group){.wake = -1};
}

static struct waiter *find(const struct wait_group *g, const struct conn *c)
{
    for (struct conn_waiter *at = c->waiters; at; at = at->next)
        if (at->wake == g->wake)
            return (struct waiter *)(void *)at;
    return NULL;
}

static struct waiter *enlist(struct wait_group *g, struct conn *c, int fd)
{
    if (g->wake < 0)
        g->wake = real.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct waiter *w = g->wake < 0 ? NULL : waiter_new();
    if (!w)
        return NULL;
    w->conn = c;
    w->fd = fd;
    w->next = g->first;
    g->first = w;
    pool_ref(c);
    w->link.wake = g->wake;
    w->link.next = c->waiters;
    c->waiters = &w->link;
    return w;
}

void wait_group_join(struct wait_group *g, struct conn *c, int fd, short events)
{
    if (__libc_single_threaded || g->blind)
        return;
    struct waiter *w = g->wake < 0 ? NULL : find(g, c);
    if (!w)
        w = enlist(g, c, fd);
    if (!w) {
        g->blind = true;
        return;
    }
    w->events = events;
    w->sight = sight_of(c);
}

int64_t wait_group_nap(const struct wait_group *g, int64_t ns)
{
    return g->blind && (ns < 0 || ns > BLIND_NAP_NS) ? BLIND_NAP_NS : ns;
}

void wait_group_drain(const struct wait_group *g)
{
    uint64_t count;
    if (g->wake >= 0)
        real.read(g->wake, &count, sizeof count);
}

static void close_wake(struct wait_group *g)
{
    if (g->wake >= 0)
        real.close(g->wake);
    wait_group_init(g);
}

void wait_group_leave(struct wait_group *g)
{
    while (g->first) {
        struct waiter *w = g->first;
        struct conn *c = w->conn;
        g->first = w->next;
        conn_lock(c, w->fd);
        unlist(w);
        conn_unlock(c);
        atomic_store(&w->busy, false);
        conn_put(c);
    }
    close_wake(g);
}

/* ---- one conn ---- */

bool wait_is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
           signal == SIGTRAP || signal == SIGSYS || signal == SIGABRT;
}

bool wait_restarts(int signal)
{
    struct sigaction a;
    if (real.sigaction(signal, NULL, &a) != 0) /* the two that libc keeps for itself */
        return true;
    if (!(a.sa_flags & SA_SIGINFO) && (a.sa_handler == SIG_DFL || a.sa_handler == SIG_IGN))
        return true;
    return a.sa_flags & SA_RESTART;
}

static bool all_handlers_restart(void)
{
    for (int signal = 1; signal < NSIG; signal++)
        if (!wait_is_fault(signal) && !wait_restarts(signal))
            return false;
    return true;
}

struct sleeper {
    struct wait_group *group; /* NULL: none */
    struct conn *conn;        /* with the reference of the call that will not come back */
};

static void cancelled(void *arg)
{
    struct sleeper *s = arg;
    if (s->group)
        wait_group_leave(s->group);
    conn_put(s->conn);
}

struct nap {
    struct pollfd fds[2];
    nfds_t n;
    struct timespec store;
    int rc, error;
};

static void sleep_in(struct nap *nap, struct sleeper *s, int64_t ns)
{
    pthread_cleanup_push(cancelled, s);
    nap->rc = real.ppoll(nap->fds, nap->n, wait_timespec(ns, &nap->store), NULL);
    nap->error = errno;
    pthread_cleanup_pop(0);
}

/* Whether a handler's SA_RESTART lets a call go on only the kernel knows. Where nobody but the kernel can end
 * the sleep it is a call that the kernel goes on with by itself: a look at the next byte of the socket. */
static bool kernel_decides(const struct conn *c, short events, int64_t timeout_ns, const struct wait_group *g)
{
    return c->state == CONN_OPEN && events == POLLIN && timeout_ns < 0 && g->wake < 0 && !g->blind;
}

int wait_byte(struct conn *c, int fd)
{
    struct sleeper s = {NULL, c};
    char byte;
    int error;
    pthread_cleanup_push(cancelled, &s);
    error = real.recv(fd, &byte, 1, MSG_PEEK) < 0 ? errno : 0;
    pthread_cleanup_pop(0);
    return error;
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

int wait_conn(struct conn *c, int fd, short events, int64_t timeout_ns)
{
    uint64_t until = wait_until_ns(timeout_ns), deadline = conn_deadline(c);
    struct wait_group g;
    int at = c->fd; /* fd may have been closed meanwhile */
    wait_group_init(&g);
    wait_group_join(&g, c, at, events);
    bool by_kernel = kernel_decides(c, events, timeout_ns, &g);
    conn_unlock(c);
    if (by_kernel) {
        int error = wait_byte(c, at);
        conn_lock(c, fd);
        if (error && error != EINTR && error != EAGAIN)
            conn_met_error(c, error);
        return error == EINTR ? -1 : 1;
    }

    /* Without events even HUP and ERR are of no interest: before TLS is up they may come from a redial. */
    struct nap nap = {.fds = {{.fd = events ? at : -1, .events = events}, {.fd = g.wake, .events = POLLIN}},
                      .n = 2};
    int64_t ns = sooner(timeout_ns, wait_left(deadline ? deadline : WAIT_FOREVER));
    struct sleeper sleeper = {&g, c};
    sleep_in(&nap, &sleeper, wait_group_nap(&g, ns));

    wait_group_leave(&g);
    conn_lock(c, fd);
    if (nap.rc < 0 && nap.error == EINTR)
        return timeout_ns < 0 && all_handlers_restart() ? 1 : -1;
    return nap.rc == 0 && wait_left(until) == 0 ? 0 : 1;
}

void wait_block_after_fork(void)
{
    for (unsigned i = 0; i < pool_size(); i++)
        pool_at(i)->waiters = NULL;
    for (unsigned i = 0; i < CHUNKS && chunk_at(i); i++)
        for (unsigned k = 0; k < CHUNK; k++)
            atomic_store(&chunk_at(i)[k].busy, false);
}
