/* SPDX-License-Identifier: MIT */
/* Conns whose clock runs: what a wait has to do for them though no event will tell of it. */
#include "shim/conn/conn.h"
#include "shim/conn/machine.h"
#include "shim/conn/quiet.h"
#include "shim/conn/socket.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"
#include "shim/wait/epoll_set.h"

#include <poll.h>
#include <stddef.h>

#define READS  (POLLIN | POLLRDNORM)
#define WRITES (POLLOUT | POLLWRNORM)

/* A look without the conn's lock: what it says wrongly costs a needless judgement, or one that comes a round
 * later. */
static bool needs_a_look(const struct epoll_reg *r, uint64_t deadline, uint64_t now, bool waits)
{
    const struct conn *c = r->conn;
    if (deadline && deadline <= now)
        return true;
    short wants = epoll_wants(r);
    if (waits && c->state == CONN_SNIFF && wants & READS && !(wants & WRITES))
        return true;
    uint32_t machine = (c->want_in ? EPOLLIN : 0U) | (c->want_out ? EPOLLOUT : 0U);
    return (conn_negotiating(c) || c->state == CONN_REACH) && machine != (r->kernel & (EPOLLIN | EPOLLOUT));
}

uint64_t epoll_watch(struct epoll_set *set, bool waits)
{
    uint64_t nearest = WAIT_FOREVER;
    if (!atomic_load(&set->watched))
        return nearest;
    uint64_t now = now_ns();
    epoll_set_lock(set);
    for (struct epoll_reg *r = set->list[LIST_WATCHED].first; r; r = r->link[LIST_WATCHED].next) {
        if (r->disarmed) /* the program does not wait for it */
            continue;
        uint64_t deadline = conn_deadline(r->conn);
        if (deadline && deadline < nearest)
            nearest = deadline;
        if (needs_a_look(r, deadline, now, waits))
            epoll_list_add(set, r, LIST_READY);
    }
    epoll_set_unlock(set);
    return nearest;
}

uint64_t epoll_watch_number(int number)
{
    struct epoll_set *set = epoll_set_at(number);
    return set ? epoll_watch(set, false) : WAIT_FOREVER;
}

/* ---- sets inside sets: whoever waits for the outer one keeps the clock of the inner ---- */

static _Atomic(struct epoll_set *) nested; /* every one that ever was: sets are never freed */

void epoll_nest(struct epoll_set *set)
{
    atomic_store(&set->nested, true);
    if (atomic_exchange(&set->was_nested, true))
        return;
    set->next_nested = atomic_load(&nested);
    while (!atomic_compare_exchange_weak(&nested, &set->next_nested, set))
        continue;
}

bool epoll_nested_exist(void)
{
    return atomic_load_explicit(&nested, memory_order_relaxed) != NULL;
}

/* What is on the ready list makes the set readable for the kernel, too. */
static void show(struct epoll_set *set)
{
    quiet_begin();
    epoll_wake_set(set);
    quiet_end();
}

uint64_t epoll_watch_nested(void)
{
    uint64_t nearest = WAIT_FOREVER;
    for (struct epoll_set *set = atomic_load(&nested); set; set = set->next_nested) {
        uint64_t deadline = atomic_load(&set->nested) ? epoll_watch(set, false) : WAIT_FOREVER;
        if (deadline == WAIT_FOREVER)
            continue;
        nearest = deadline < nearest ? deadline : nearest;
        if (atomic_load(&set->ready))
            show(set);
    }
    return nearest;
}
