/* SPDX-License-Identifier: MIT */
/*
 * Waiting on an epoll set that may hold conns.
 *
 * A round: raise the count of waiters, look at the conns whose clock runs, ask the kernel (without sleeping
 * if the ready list has something), put what it said about conns on the ready list, and judge that list. What
 * is judged true is delivered; what is not is swallowed, and the round is repeated with the time that is
 * left.
 */
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/conn/quiet.h"
#include "shim/real.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"
#include "shim/wait/epoll_set.h"
#include "shim/wait/look.h"
#include "shim/wait/memory.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>

#define NS_PER_MS        1000000
/* How often the kernel is asked again in no time, because what it gave was all ours to swallow. */
#define SWALLOWED_ROUNDS 4U
#define READS            (POLLIN | POLLRDNORM)
#define WRITES           (POLLOUT | POLLWRNORM)

struct round {
    const struct epoll_call *call;
    struct epoll_set *set;
    uint64_t until;
    uint64_t last; /* what comes to the ready list later is another round's: nothing is given twice */
    bool waits;
    int n;     /* events delivered */
    bool full; /* the kernel may have had more than it was asked for */
    bool bad;  /* there is something to give, and no memory to give it to */
};

/* ---- the kernel ---- */

static int ask_kernel(const struct epoll_call *call, int max, int64_t ns)
{
    struct timespec store;
    if (call->precise)
        return real.epoll_pwait2(call->set, call->events, max, wait_timespec(ns, &store), call->mask);
    int64_t ms = ns < 0 ? -1 : (ns + NS_PER_MS - 1) / NS_PER_MS;
    return real.epoll_pwait(call->set, call->events, max, ms > INT_MAX ? INT_MAX : (int)ms, call->mask);
}

/* How many events the kernel may give, so that neither side starves the other; 0: none this time. */
static int quota(const struct round *round, unsigned ready)
{
    int max = round->call->max;
    if (!ready)
        return max;
    if (max == 1) {
        round->set->turn = !round->set->turn;
        return round->set->turn ? 1 : 0;
    }
    return ready < (unsigned)max / 2 ? max - (int)ready : max - max / 2;
}

/* A record that is about to be judged. */
struct taken {
    struct epoll_reg *r;
    struct conn *c; /* with a reference */
    uint16_t generation;
    int fd;
    uint32_t seen;
};

/* Under the set's lock, in which the record is. */
static struct taken take(struct epoll_set *set, struct epoll_reg *r, uint32_t events)
{
    struct taken t = {r, r->conn, r->generation, r->fd, r->seen | events};
    r->seen = 0;
    epoll_list_remove(set, r, LIST_READY);
    pool_ref(t.c); /* the record is alive, so the conn is */
    return t;
}

#define TAKEN_MAX 16U /* events of the kernel that are judged without a detour by the ready list */

/* The kernel's events: the foreign ones stay at the front of the program's array; of ours the first are
 * taken, the rest goes to the ready list. Returns how many were taken. What is on the list now is this
 * round's. */
static unsigned sort_out(struct round *round, int given, struct taken *taken)
{
    struct epoll_event *events = round->call->events;
    struct epoll_set *set = round->set;
    unsigned n = 0;
    pthread_mutex_lock(&set->lock);
    for (int i = 0; i < given; i++) {
        struct epoll_event event = events[i];
        struct epoll_reg *r = epoll_reg_unpack(event.data.u64);
        if (r && atomic_load(&r->set) == set) {
            if (n < TAKEN_MAX) {
                taken[n++] = take(set, r, event.events | EPOLL_SEEN_KERNEL);
                continue;
            }
            r->seen |= event.events | EPOLL_SEEN_KERNEL;
            epoll_list_add(set, r, LIST_READY);
        } else if (event.data.u64 == EPOLL_WAKE_DATA) {
            epoll_take_wake(set);
        } else if (!epoll_data_is_ours(event.data.u64)) {
            events[round->n++] = event;
        }
    }
    round->last = set->pushes;
    pthread_mutex_unlock(&set->lock);
    return n;
}

/* ---- judging ---- */

/* The next of this round, under the set's lock. */
static struct epoll_reg *next(const struct round *round)
{
    struct epoll_reg *r = round->set->list[LIST_READY].first;
    return r && r->pushed <= round->last ? r : NULL;
}

/* Signals are blocked. */
static bool pop(struct round *round, struct taken *out)
{
    pthread_mutex_lock(&round->set->lock);
    struct epoll_reg *r = next(round);
    if (r)
        *out = take(round->set, r, 0);
    pthread_mutex_unlock(&round->set->lock);
    return r != NULL;
}

static bool is_more(const struct round *round)
{
    pthread_mutex_lock(&round->set->lock);
    bool more = next(round) != NULL;
    pthread_mutex_unlock(&round->set->lock);
    return more;
}

/* The kernel repeats a hang-up that nobody can use before TLS is up: from here on, only when something
 * changes. */
static bool storms(const struct conn *c, const struct epoll_reg *r, uint32_t seen)
{
    return conn_is_early(c) && seen & EPOLL_SEEN_KERNEL && !(seen & r->kernel & (EPOLLIN | EPOLLOUT));
}

static void deliver(struct round *round, struct conn *c, struct epoll_reg *r, short truth)
{
    round->call->events[round->n++] = (struct epoll_event){.events = (uint16_t)truth, .data = r->data};
    r->told |= truth;
    if (truth & READS)
        r->told_at = c->bytes_in;
    if (truth & WRITES)
        r->owes_out = false;
    if (r->events & EPOLLONESHOT) {
        r->disarmed = true;
        epoll_hush(c, r);
    }
}

/* Nobody sleeps on the conn, no other set has it, and no clock runs. */
static bool is_alone(const struct conn *c, const struct epoll_reg *r)
{
    return c->state == CONN_OPEN && !c->waiters && c->regs == r && !r->next_of_conn && !r->on[LIST_WATCHED];
}

/* What unlocking would do, done while the record is marked: what is found now is delivered now, and is no new
 * edge. */
static void tell_others(struct conn *c, struct epoll_reg *r)
{
    if (!c->changed && c->want_in == c->told_in && c->want_out == c->told_out)
        return;
    c->changed = false;
    c->told_in = c->want_in;
    c->told_out = c->want_out;
    if (is_alone(c, r))
        c->announce = r->quiet = false;
    else
        conn_on_change(c);
}

/* What the kernel has not said, as it was asked for fewer events than there are: an event tells all that is
 * true. */
static uint32_t room_to_write(const struct conn *c, const struct epoll_reg *r, uint32_t seen)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    bool edge = r->events & EPOLLET;
    if (seen & EPOLL_SEEN_KERNEL || (edge && !seen) || !(epoll_wants(r) & WRITES))
        return 0;
    return real.poll(&p, 1, 0) > 0 ? (uint16_t)p.revents : 0;
}

/* Under the conn's lock. */
static void judge(struct round *round, struct conn *c, struct epoll_reg *r, uint32_t seen)
{
    short wants = epoll_wants(r);
    if (seen & EPOLL_SEEN_KERNEL && r->events & EPOLLONESHOT)
        r->kernel = EPOLL_UNTOLD;
    if (r->disarmed)
        return;
    r->judging = true;
    seen |= room_to_write(c, r, seen) | (uint16_t)epoll_unasked(c, r);
    short truth = look_at(c, wants, (short)(seen & 0x7fffU), round->waits);
    tell_others(c, r);
    r->judging = false;
    if (r->events & EPOLLET && seen & EPOLLOUT && wants & WRITES && !(truth & WRITES))
        r->owes_out = true;
    if (truth)
        deliver(round, c, r, truth);
    else if (storms(c, r, seen))
        r->quiet = true;
    short left = epoll_sync(c, r);
    if (!(r->events & EPOLLET) && conn_ready(c, wants, left))
        epoll_push(c, r, 0);
}

/* Has the program room for one more? The kernel looks when it has something to give, and not before. */
static bool has_room(struct round *round)
{
    if (round->n >= round->call->max)
        return false;
    round->bad = !memory_all(&round->call->events[round->n], sizeof *round->call->events, true);
    return !round->bad;
}

/* Signals are blocked. */
static void judge_taken(struct round *round, const struct taken *t)
{
    bool room = has_room(round);
    conn_lock(t->c, t->fd);
    if (t->r->generation == t->generation && t->r->conn == t->c && atomic_load(&t->r->set) == round->set) {
        if (room)
            judge(round, t->c, t->r, t->seen);
        else
            epoll_push(t->c, t->r, t->seen);
    }
    conn_unlock(t->c);
    conn_put(t->c);
}

/* What is judged in this round goes to the end of the list, if it goes there. */
static void judge_list(struct round *round)
{
    struct taken t;
    while (has_room(round) && pop(round, &t))
        judge_taken(round, &t);
    if (atomic_load(&round->set->waiters) > 0 && !has_room(round) && is_more(round))
        epoll_wake_set(round->set); /* what does not fit here is another thread's */
}

/* ---- rounds ---- */

/* The last record may have gone since the kernel told of it. */
static bool any_is_ours(const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++)
        if (events[i].data.u64 == EPOLL_WAKE_DATA || epoll_data_is_ours(events[i].data.u64))
            return true;
    return false;
}

/* Sleeps at most once. False: errno says why. */
static bool go_round(struct round *round)
{
    struct epoll_set *set = round->set;
    if (round->waits)
        epoll_set_count_waiter(set, 1);
    uint64_t deadline = epoll_watch(set, round->waits), nested = epoll_watch_nested();
    deadline = nested < deadline ? nested : deadline;
    unsigned ready = atomic_load(&set->ready);
    int max = quota(round, ready), rc = 0;
    int64_t ns = ready ? 0 : wait_left(deadline < round->until ? deadline : round->until);
    if (max)
        rc = ask_kernel(round->call, max, ns);
    int error = errno;
    round->full = rc > 0 && rc == max;
    if (round->waits)
        epoll_set_count_waiter(set, -1);
    errno = error;
    if (rc < 0 && !(ready && error == EINTR))
        return false;
    if (rc <= 0 && !atomic_load(&set->ready)) /* nobody has anything, and there is nothing to put right */
        return true;
    if (!atomic_load(&set->records) && !any_is_ours(round->call->events, rc)) {
        round->n = rc > 0 ? rc : 0;
        return true;
    }
    struct taken taken[TAKEN_MAX];
    quiet_begin();
    unsigned n = sort_out(round, rc, taken);
    for (unsigned i = 0; i < n; i++)
        judge_taken(round, &taken[i]);
    judge_list(round);
    if (atomic_load(&set->nested) && atomic_load(&set->ready))
        epoll_wake_set(set); /* the one that it is in has to see that there is more */
    quiet_end();
    return true;
}

int wait_epoll(const struct epoll_call *call)
{
    struct round round = {.call = call, .set = epoll_set_at(call->set), .waits = call->timeout_ns != 0};
    if (!round.set || call->max <= 0)
        return ask_kernel(call, call->max, call->timeout_ns);
    share_use_registered();
    round.until = wait_until_ns(call->timeout_ns);
    unsigned more = SWALLOWED_ROUNDS;
    do {
        if (!go_round(&round))
            return -1;
    } while (!round.n && !round.bad && (wait_left(round.until) != 0 || (round.full && more--)));
    if (!round.n && round.bad) {
        errno = EFAULT;
        return -1;
    }
    return round.n;
}
