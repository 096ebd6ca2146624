/* SPDX-License-Identifier: MIT */
/* epoll_ctl() on conns: records come, change and go with the kernel's verdict. */
#include "shim/conn/conn.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/epoll.h"
#include "shim/wait/epoll_memory.h"
#include "shim/wait/epoll_set.h"
#include "shim/wait/memory.h"

#include <errno.h>
#include <stddef.h>
#include <sys/single_threaded.h>

/* ---- questions ---- */

bool epoll_is_ours(int number)
{
    struct epoll_set *set = epoll_set_at(number);
    return set && atomic_load_explicit(&set->records, memory_order_relaxed) > 0;
}

bool epoll_is_foreign(int number)
{
    struct epoll_set *set = epoll_set_at(number);
    return !set || (__libc_single_threaded && !epoll_nested_exist() &&
                    atomic_load_explicit(&set->records, memory_order_relaxed) == 0);
}

bool epoll_is_ready(int number)
{
    struct epoll_set *set = epoll_set_at(number);
    return set && atomic_load(&set->ready) > 0;
}

void epoll_count_waiter(int number, int by)
{
    struct epoll_set *set = epoll_set_at(number);
    if (set)
        epoll_set_count_waiter(set, by);
}

void epoll_set_count_waiter(struct epoll_set *set, int by)
{
    if (!__libc_single_threaded)
        atomic_fetch_add(&set->waiters, by);
}

/* ---- records of a conn ---- */

static struct epoll_reg *find(const struct conn *c, const struct epoll_set *set, int fd)
{
    struct epoll_reg *r = c->regs;
    while (r && (r->fd != fd || atomic_load(&r->set) != set))
        r = r->next_of_conn;
    return r;
}

static void unlink_from_conn(struct conn *c, const struct epoll_reg *r)
{
    for (struct epoll_reg **at = &c->regs; *at; at = &(*at)->next_of_conn)
        if (*at == r) {
            *at = r->next_of_conn;
            return;
        }
}

static struct epoll_reg *new_record(struct conn *c, struct epoll_set *set, int fd)
{
    struct epoll_reg *r = epoll_reg_new();
    if (!r)
        return NULL;
    r->conn = c;
    r->fd = fd;
    r->kernel = EPOLL_UNTOLD;
    r->next_of_conn = c->regs;
    c->regs = r;
    pthread_mutex_lock(&set->lock);
    atomic_store(&r->set, set);
    epoll_list_add(set, r, LIST_ALL);
    pthread_mutex_unlock(&set->lock);
    return r;
}

void epoll_reg_release(struct epoll_reg *r)
{
    struct epoll_set *set = atomic_load(&r->set);
    if (set) {
        pthread_mutex_lock(&set->lock);
        if (atomic_load(&r->set) == set) { /* else it was cleared meanwhile */
            for (enum epoll_list i = LIST_ALL; i < EPOLL_LISTS; i++)
                epoll_list_remove(set, r, i);
            if (!atomic_load(&set->records)) /* the set is the kernel's alone from here on */
                epoll_take_wake(set);
            atomic_store(&r->set, NULL);
        }
        pthread_mutex_unlock(&set->lock);
    }
    epoll_reg_free(r);
}

void epoll_purge(struct conn *c)
{
    for (struct epoll_reg *r = c->regs, *next; r; r = next) {
        next = r->next_of_conn;
        if (!atomic_load(&r->set)) {
            unlink_from_conn(c, r);
            epoll_reg_free(r);
        }
    }
}

void epoll_drop(struct conn *c)
{
    while (c->regs) {
        struct epoll_reg *r = c->regs;
        c->regs = r->next_of_conn;
        epoll_reg_release(r);
    }
}

void epoll_replace(struct conn *c, bool done)
{
    for (struct epoll_reg *r = c->regs; r; r = r->next_of_conn) {
        struct epoll_set *set = atomic_load(&r->set);
        struct epoll_event event = {.events = r->events, .data = r->data};
        if (set)
            real.epoll_ctl(set->number, done ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, r->fd, &event);
    }
    if (done)
        epoll_drop(c);
}

/* ---- epoll_ctl() ---- */

/* What was to be delivered for the old registration is void once there is a new one, for which the kernel
 * looks again, and of which another thread may be told at once. Returns what it was. */
static uint32_t withdraw(struct epoll_set *set, struct epoll_reg *r)
{
    if (!r->on[LIST_READY])
        return 0;
    pthread_mutex_lock(&set->lock);
    uint32_t seen = r->seen;
    r->seen = 0;
    epoll_list_remove(set, r, LIST_READY);
    pthread_mutex_unlock(&set->lock);
    return seen;
}

/* The call failed: the registration, if there was one, is what it was. */
static void give_up(struct conn *c, struct epoll_reg *r, bool fresh, uint32_t seen)
{
    if (fresh) {
        unlink_from_conn(c, r);
        epoll_reg_release(r);
        return;
    }
    epoll_notice_one(c, r);
    if (seen)
        epoll_push(c, r, seen);
}

/* What the program asked is put into the record first, as another thread may be given the event at once. */
static int put(struct conn *c, struct epoll_set *set, int op, int fd, const struct epoll_event *event)
{
    struct epoll_reg *r = find(c, set, fd);
    bool fresh = !r;
    if (fresh)
        r = new_record(c, set, fd);
    if (!r) {
        errno = ENOMEM;
        return -1;
    }
    uint32_t events = r->events, seen = withdraw(set, r);
    bool disarmed = r->disarmed;
    epoll_data_t data = r->data;
    r->events = event->events;
    r->data = event->data;
    atomic_store_explicit(&r->disarmed, false, memory_order_release);
    r->quiet = false;
    struct epoll_event ours = {.events = epoll_mask(c, r), .data.u64 = epoll_reg_pack(r)};
    if (real.epoll_ctl(set->number, op, fd, &ours) != 0) {
        int error = errno;
        r->events = events;
        r->disarmed = disarmed;
        r->data = data;
        give_up(c, r, fresh, seen);
        errno = error;
        return -1;
    }
    atomic_store_explicit(&r->kernel, ours.events, memory_order_release);
    r->owes_out = false;
    r->told = 0;
    r->told_at = EPOLL_NEVER;
    epoll_notice_one(c, r);
    return 0;
}

static int take(struct conn *c, struct epoll_set *set, int fd)
{
    int rc = real.epoll_ctl(set->number, EPOLL_CTL_DEL, fd, NULL);
    struct epoll_reg *r = rc == 0 ? find(c, set, fd) : NULL;
    if (r) {
        unlink_from_conn(c, r);
        epoll_reg_release(r);
    }
    return rc;
}

static int ctl_on_conn(struct conn *c, int number, int op, int fd, const struct epoll_event *event)
{
    struct epoll_set *set = epoll_set_made(number);
    if (!set) {
        errno = number < 0 ? EBADF : ENOMEM;
        return -1;
    }
    conn_lock(c, fd);
    epoll_purge(c);
    int rc = op == EPOLL_CTL_DEL ? take(c, set, fd) : put(c, set, op, fd, event);
    int error = errno;
    conn_unlock(c);
    errno = error;
    return rc;
}

/* Not a conn: the kernel's own, but it may become one, or be a set that is waited for in another. */
static int ctl_on_other(int number, int op, int fd, struct epoll_event *event)
{
    int rc = real.epoll_ctl(number, op, fd, event);
    if (rc != 0)
        return rc;
    struct epoll_set *inner = op == EPOLL_CTL_ADD ? epoll_set_at(fd) : NULL;
    if (inner)
        epoll_nest(inner);
    if ((table_bits(fd) & SLOT_FRESH && op != EPOLL_CTL_DEL) || (op == EPOLL_CTL_DEL && epoll_remembers(fd)))
        epoll_remember(number, op, fd, event);
    return 0;
}

int wait_epoll_ctl(int number, int op, int fd, struct epoll_event *event)
{
    bool known = op == EPOLL_CTL_ADD || op == EPOLL_CTL_MOD || op == EPOLL_CTL_DEL;
    struct conn *c =
        known && (op == EPOLL_CTL_DEL || memory_all(event, sizeof *event, false)) ? table_get(fd) : NULL;
    if (!c)
        return ctl_on_other(number, op, fd, event);
    int rc = ctl_on_conn(c, number, op, fd, event);
    int error = errno;
    conn_put(c);
    errno = error;
    return rc;
}

/* ---- what happens to numbers ---- */

void epoll_adopt(struct conn *c, int fd)
{
    struct epoll_remembered m;
    while (epoll_recall(fd, &m)) {
        struct epoll_set *set = m.cookie == c->cookie ? epoll_set_made(m.set) : NULL;
        struct epoll_event event = {.events = m.events, .data = m.data};
        if (set)
            put(c, set, EPOLL_CTL_MOD, fd, &event);
    }
}

void epoll_created(int number)
{
    epoll_set_leave(number);
    epoll_set_made(number);
}

void epoll_forget(int number)
{
    bool set_goes = epoll_set_at(number), memory_goes = epoll_remembers(number);
    if (!(set_goes || memory_goes) ||
        !table_is_ours()) /* a vfork child closes its own numbers in our memory */
        return;
    if (set_goes)
        epoll_set_leave(number);
    if (memory_goes)
        epoll_unremember(number);
}

void epoll_duplicated(int from, int to)
{
    epoll_set_leave(to); /* its close was not seen */
    epoll_set_share(from, to);
}

void epoll_after_fork(void)
{
    epoll_set_after_fork();
    epoll_memory_after_fork();
}
