/* SPDX-License-Identifier: MIT */
/* What becomes of a conn's epoll records when the conn changes: the kernel's mask, the ready list, edges,
 * wake-ups. */
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/epoll.h"
#include "shim/wait/epoll_set.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>

/* epoll's event bits have the values of poll's */
#define POLL_BITS 0x27ffU
#define FLAGS     ((uint32_t)EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

short epoll_wants(const struct epoll_reg *r)
{
    return (short)(r->events & POLL_BITS & ~(uint32_t)(EPOLLERR | EPOLLHUP));
}

/* ---- the kernel's mask ---- */

uint32_t epoll_mask(struct conn *c, const struct epoll_reg *r)
{
    uint32_t mask = (uint16_t)conn_kernel_interest(c, epoll_wants(r));
    uint32_t flags = r->events & FLAGS;
    if (conn_is_early(c))
        flags &= ~(uint32_t)EPOLLET; /* the machine does not promise to drain the socket at each step */
    if (r->quiet)
        flags |= EPOLLET;
    if (flags & EPOLLEXCLUSIVE && mask & ~r->events & EPOLLRDHUP) /* which may not be asked for with it */
        mask = (mask & ~(uint32_t)EPOLLRDHUP) | EPOLLIN;
    return mask | flags;
}

/* The number may have been closed while a duplicate lives, and may by now be another file in the same set. */
static bool still_names(const struct conn *c, int fd)
{
    struct conn *at = table_get(fd);
    if (at)
        conn_put(at);
    return at == c;
}

static bool tell(const struct conn *c, struct epoll_reg *r, uint32_t mask)
{
    const struct epoll_set *set = atomic_load(&r->set);
    if (!set || !still_names(c, r->fd))
        return false;
    struct epoll_event event = {.events = mask, .data.u64 = epoll_reg_pack(r)};
    int op = EPOLL_CTL_MOD;
    if (mask & EPOLLEXCLUSIVE) { /* cannot be modified, epoll_ctl(2) */
        real.epoll_ctl(set->number, EPOLL_CTL_DEL, r->fd, NULL);
        op = EPOLL_CTL_ADD;
    }
    bool told = real.epoll_ctl(set->number, op, r->fd, &event) == 0;
    r->kernel = told ? mask : EPOLL_UNTOLD;
    return told;
}

/* Asks of the socket what the kernel was not told to look for, of this mask. */
static short unasked(const struct conn *c, const struct epoll_reg *r, uint32_t mask)
{
    struct pollfd p = {.fd = c->fd, .events = (short)(mask & POLL_BITS & ~r->kernel)};
    return p.events && real.poll(&p, 1, 0) > 0 ? p.revents : 0;
}

short epoll_unasked(struct conn *c, const struct epoll_reg *r)
{
    return unasked(c, r, epoll_mask(c, r));
}

short epoll_sync(struct conn *c, struct epoll_reg *r)
{
    uint32_t mask = epoll_mask(c, r);
    if (mask == r->kernel)
        return 0;
    if (!r->disarmed)
        tell(c, r, mask);
    return unasked(c, r, mask);
}

void epoll_hush(struct conn *c, struct epoll_reg *r)
{
    if (r->kernel != EPOLL_UNTOLD)
        tell(c, r, EPOLLONESHOT); /* a hang-up may still come, once */
    r->kernel = EPOLL_UNTOLD;
}

/* ---- waking ---- */

#define HIGH 400 /* the program counts on the lowest numbers (dup(2)) */

static int high_eventfd(void)
{
    int fd = real.eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    int high = fd < 0 ? -1 : real.fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (high < 0)
        return fd;
    real.close(fd);
    return high;
}

void epoll_wake_set(struct epoll_set *set)
{
    pthread_mutex_lock(&set->lock);
    if (!set->wake) {
        int fd = high_eventfd();
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = EPOLL_WAKE_DATA};
        if (fd >= 0 && real.epoll_ctl(set->number, EPOLL_CTL_ADD, fd, &event) == 0)
            set->wake = fd + 1;
        else if (fd >= 0)
            real.close(fd);
    }
    pthread_mutex_unlock(&set->lock);
}

/* Under the set's lock. */
void epoll_take_wake(struct epoll_set *set)
{
    if (set->wake)
        real.close(set->wake - 1);
    set->wake = 0;
}

static bool writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return real.poll(&p, 1, 0) > 0 && p.revents & POLLOUT;
}

/* Modifying the conn's own entry makes it an event of the kernel, for which no descriptor is needed; that
 * works while the socket is writable. The mask is put right when the event is judged. */
static void wake(struct conn *c, struct epoll_reg *r, struct epoll_set *set)
{
    if (!(r->events & EPOLLEXCLUSIVE) && writable(r->fd) && tell(c, r, epoll_mask(c, r) | EPOLLIN | EPOLLOUT))
        return;
    epoll_wake_set(set);
}

void epoll_push(struct conn *c, struct epoll_reg *r, uint32_t seen)
{
    struct epoll_set *set = atomic_load(&r->set);
    bool needed = false, shown = false;
    if (!set || r->disarmed)
        return;
    pthread_mutex_lock(&set->lock);
    if (atomic_load(&r->set) == set) {
        bool fresh = !r->on[LIST_READY];
        r->seen |= seen;
        epoll_list_add(set, r, LIST_READY);
        /* The list is filled before the count is read; a waiter raises the count before it reads the list. */
        needed = fresh && atomic_load(&set->waiters) > 0;
        shown = atomic_load(&set->nested) && !set->wake;
    }
    pthread_mutex_unlock(&set->lock);
    if (shown) /* for as long as the list has something: an entry's mask is put right before that */
        epoll_wake_set(set);
    else if (needed)
        wake(c, r, set);
}

/* ---- changes ---- */

/* A wait has to look at conns whose clock runs, or who may be waiting for a decision. */
static void watch(const struct conn *c, struct epoll_reg *r)
{
    bool should = conn_is_early(c);
    struct epoll_set *set = atomic_load(&r->set);
    if (!set || r->on[LIST_WATCHED] == should)
        return;
    pthread_mutex_lock(&set->lock);
    if (atomic_load(&r->set) == set && should)
        epoll_list_add(set, r, LIST_WATCHED);
    else if (atomic_load(&r->set) == set)
        epoll_list_remove(set, r, LIST_WATCHED);
    pthread_mutex_unlock(&set->lock);
}

static bool kernel_readable(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return real.poll(&p, 1, 0) > 0;
}

/*
 * Which edges are due? After a read that left something (programs trust a short read and FIONREAD, so one
 * that was not short may be their last): one more for reading. When writing becomes possible after an edge of
 * the kernel's was held back: that one. Before TLS is up, and on a refusal: what is newly true.
 */
static uint32_t edges(const struct conn *c, struct epoll_reg *r, short now)
{
    const short reads = POLLIN | POLLRDNORM;
    uint32_t due = 0;
    if (c->state == CONN_CANDIDATE)
        return 0; /* the kernel's own */
    if (c->state == CONN_OPEN) {
        bool read_since = c->announce || c->bytes_in != r->told_at;
        if (read_since && epoll_wants(r) & reads && (now & reads || kernel_readable(c)))
            due |= EPOLLIN;
    } else {
        due = (uint16_t)(now & ~r->told);
        r->told = now;
    }
    if (r->owes_out && !conn_is_early(c) && !conn_settling(c))
        due |= EPOLLOUT;
    return due;
}

/* The program took what was pending: the next wait need not find that out. */
static void unlist(struct epoll_reg *r)
{
    struct epoll_set *set = atomic_load(&r->set);
    if (!set)
        return;
    pthread_mutex_lock(&set->lock);
    if (atomic_load(&r->set) == set && !r->seen)
        epoll_list_remove(set, r, LIST_READY);
    pthread_mutex_unlock(&set->lock);
}

void epoll_notice_one(struct conn *c, struct epoll_reg *r)
{
    watch(c, r);
    if (r->disarmed)
        return;
    r->quiet = false;
    short left = epoll_sync(c, r);
    if (r->judging)
        return;
    short now = conn_ready(c, epoll_wants(r), left);
    if (!(r->events & EPOLLET)) {
        if (now)
            epoll_push(c, r, 0);
        else if (r->on[LIST_READY])
            unlist(r);
        return;
    }
    uint32_t due = edges(c, r, now);
    if (due)
        epoll_push(c, r, due);
}

void epoll_notice(struct conn *c)
{
    if (!c->regs)
        return;
    epoll_purge(c);
    if (!conn_is_user(c)) /* in a child of fork() that does not use the conn the set is the parent's */
        return;
    for (struct epoll_reg *r = c->regs; r; r = r->next_of_conn)
        epoll_notice_one(c, r);
    c->announce = false;
}
