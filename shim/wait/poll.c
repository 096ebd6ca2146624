/* SPDX-License-Identifier: MIT */
#include "shim/wait/poll.h"

#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "shim/conn/quiet.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"
#include "shim/wait/look.h"
#include "shim/wait/memory.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#define ON_STACK 32U

struct poll_call {
    struct pollfd *fds;    /* the program's; revents collects what is known */
    struct pollfd *kernel; /* what the kernel is asked; one more for the eventfd */
    nfds_t n;
    uint64_t until, deadline;
    const sigset_t *mask;
    struct quiet quiet;
    bool asleep, waits;
    struct wait_group group;
    struct timespec store;
    int rc, error;
};

bool wait_poll_ours(const struct pollfd *fds, nfds_t n)
{
    if (!atomic_load(&pool_live) || n > SIZE_MAX / sizeof *fds || !memory_all(fds, n * sizeof *fds, true))
        return false; /* EFAULT is the kernel's to say */
    for (nfds_t i = 0; i < n; i++)
        if (fds[i].fd >= 0 && (table_has(fds[i].fd) || epoll_is_ours(fds[i].fd)))
            return true;
    return false;
}

/* Before the sleep: what the conn has without the kernel, and what to ask the kernel. */
static void look_before(struct poll_call *call, struct conn *c, nfds_t i)
{
    struct pollfd *p = &call->fds[i], *k = &call->kernel[i];
    conn_lock(c, p->fd);
    if (c->share.there)
        conn_claim(c);
    p->revents = look_at(c, p->events, 0, call->waits);
    k->events = conn_kernel_interest(c, p->events);
    /* Before TLS is up the kernel's HUP and ERR are hints (a redial makes some); unasked they would only
     * spin. */
    if (!k->events && conn_is_early(c))
        k->fd = -1;
    wait_group_join(&call->group, c, p->fd, k->events);
    uint64_t deadline = conn_deadline(c);
    if (deadline && deadline < call->deadline)
        call->deadline = deadline;
    conn_unlock(c);
}

static void look_at_set(struct poll_call *call, struct pollfd *p)
{
    uint64_t deadline = epoll_watch_number(p->fd);
    if (deadline < call->deadline)
        call->deadline = deadline;
    if (epoll_is_ready(p->fd))
        p->revents = p->events & (POLLIN | POLLRDNORM);
}

static int before_sleep(struct poll_call *call)
{
    int ready = 0;
    call->deadline = WAIT_FOREVER;
    for (nfds_t i = 0; i < call->n; i++) {
        struct pollfd *p = &call->fds[i];
        p->revents = 0;
        call->kernel[i] = *p;
        struct conn *c = p->fd < 0 ? NULL : table_get(p->fd);
        if (c) {
            look_before(call, c, i);
            conn_put(c);
        } else if (p->fd >= 0 && epoll_is_ours(p->fd)) {
            look_at_set(call, p);
        }
        ready += p->revents != 0;
    }
    return ready;
}

/* Sleeps with the program's signals, which are blocked before and after. */
static void sleep_now(struct poll_call *call, int ready)
{
    int64_t ns = 0;
    if (!ready)
        ns = wait_group_nap(&call->group,
                            wait_left(call->deadline < call->until ? call->deadline : call->until));
    nfds_t n = call->n;
    if (call->group.wake >= 0)
        call->kernel[n++] = (struct pollfd){.fd = call->group.wake, .events = POLLIN};
    call->asleep = true;
    quiet_suspend(&call->quiet);
    const sigset_t *mask = call->mask ? call->mask : &call->quiet.signals;
    call->rc = real.ppoll(call->kernel, n, wait_timespec(ns, &call->store), mask);
    call->error = errno;
    quiet_resume(&call->quiet);
    call->asleep = false;
    if (call->rc > 0 && n > call->n && call->kernel[call->n].revents)
        wait_group_drain(&call->group);
}

static short after_sleep_of(const struct poll_call *call, const struct pollfd *p, short kernel)
{
    struct conn *c = kernel & POLLNVAL ? NULL : table_get(p->fd);
    if (!c) /* also one whose number was closed meanwhile */
        return (short)(p->revents | (kernel & (p->events | POLLERR | POLLHUP | POLLNVAL)));
    conn_lock(c, p->fd);
    short bits = look_at(c, p->events, kernel, call->waits);
    conn_unlock(c);
    conn_put(c);
    return bits;
}

static int after_sleep(const struct poll_call *call)
{
    int ready = 0;
    for (nfds_t i = 0; i < call->n; i++) {
        struct pollfd *p = &call->fds[i];
        short kernel = call->rc > 0 ? call->kernel[i].revents : 0;
        if (p->fd >= 0 && kernel)
            p->revents = after_sleep_of(call, p, kernel);
        ready += p->revents != 0;
    }
    return ready;
}

/* An epoll set in here is waited for as by epoll_wait: whoever makes one of its conns ready must wake us. */
static void watch_sets(const struct poll_call *call, int by)
{
    for (nfds_t i = 0; i < call->n; i++)
        if (call->fds[i].fd >= 0 && !table_has(call->fds[i].fd))
            epoll_count_waiter(call->fds[i].fd, by);
}

/* How many are ready, or -1. Quiet but for the sleep. */
static int look(struct poll_call *call)
{
    if (call->waits)
        watch_sets(call, 1);
    int ready = before_sleep(call);
    sleep_now(call, ready);
    if (call->waits)
        watch_sets(call, -1);
    if (call->rc < 0 && !(ready && call->error == EINTR))
        return -1;
    return after_sleep(call);
}

static int poll_loop(struct poll_call *call)
{
    for (;;) {
        quiet_begin_blocked();
        int ready = look(call);
        quiet_end();
        if (ready || wait_left(call->until) == 0)
            return ready;
    }
}

static void cancelled(void *arg)
{
    struct poll_call *call = arg;
    wait_group_leave(&call->group);
    if (call->asleep)
        quiet_abandon(&call->quiet);
}

static int poll_with(struct poll_call *call, struct pollfd *room)
{
    int rc;
    call->kernel = room;
    wait_group_init(&call->group);
    pthread_cleanup_push(cancelled, call);
    rc = poll_loop(call);
    pthread_cleanup_pop(0);
    wait_group_leave(&call->group);
    errno = call->error;
    return rc;
}

static int poll_on_stack(struct poll_call *call)
{
    struct pollfd room[ON_STACK + 1];
    return poll_with(call, room);
}

static int poll_on_map(struct poll_call *call)
{
    size_t size = (call->n + 1) * sizeof(struct pollfd);
    struct pollfd *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        errno = ENOMEM;
        return -1;
    }
    int rc = poll_with(call, room);
    int error = errno;
    munmap(room, size);
    errno = error;
    return rc;
}

int wait_poll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    if (timeout && (!memory_all(timeout, sizeof *timeout, false) || timeout->tv_sec < 0 ||
                    timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000))
        return real.ppoll(fds, n, timeout, mask); /* EFAULT, EINVAL */
    struct poll_call call = {.fds = fds, .n = n, .until = wait_until(timeout), .mask = mask};
    call.waits = !timeout || timeout->tv_sec || timeout->tv_nsec;
    return n <= ON_STACK ? poll_on_stack(&call) : poll_on_map(&call);
}
