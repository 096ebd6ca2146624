/* SPDX-License-Identifier: MIT */
/* Readiness: epoll. One conn in two sets, sets in a set, a set by two numbers, registrations of every kind.
 */
#include "tests/differential/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EDGE  1U /* in the data of a registration that asks for edges */
#define OTHER 2U /* not the connection */
#define MOST  32 /* enough room: more than twice what there can be (see run) */

static volatile int minus_one = -1; /* gcc knows better than to let that pass */

/* A set by one of its numbers. */
static int any_set(int *number)
{
    int n = (int)chance(3);
    n = n == 2 && game.sets[TWIN] < 0 ? 0 : n;
    *number = game.sets[n == 2 ? TWIN : n];
    return n == 2 ? 0 : n;
}

static void change(int n, int set)
{
    static const uint32_t kinds[] = {EPOLLIN, EPOLLIN | EPOLLOUT,       EPOLLOUT, EPOLLIN | EPOLLRDHUP,
                                     0,       EPOLLRDNORM | EPOLLWRNORM};
    static const uint32_t ways[] = {
        0, 0, 0, EPOLLET, EPOLLET, EPOLLONESHOT, EPOLLONESHOT | EPOLLET, EPOLLEXCLUSIVE};
    static const int ops[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
    struct epoll_event e = {.events = kinds[chance(6)] | ways[chance(8)],
                            .data.u64 = (uint64_t)chance(1000000) << 40};
    int op = ops[chance(5)];
    e.data.u64 |= e.events & EPOLLET ? EDGE : 0;
    game.edges[n] = game.edges[n] || e.events & (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE);
    trace("epoll_ctl", epoll_ctl(set, op, any_fd(), &e), "%d %x", op, e.events);
}

static void change_badly(int set)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = OTHER};
    int fd = any_fd();
    switch (chance(7)) {
    case 0: trace("ctl 9", epoll_ctl(set, 9, fd, &e), " "); break;
    case 1: trace("ctl null", epoll_ctl(set, EPOLL_CTL_ADD, fd, NULL), " "); break;
    case 2: trace("ctl nowhere", epoll_ctl(set, EPOLL_CTL_MOD, fd, nowhere()), " "); break;
    case 3: trace("ctl no set", epoll_ctl(fd, EPOLL_CTL_ADD, set, &e), " "); break;
    case 4: trace("ctl closed", epoll_ctl(set, EPOLL_CTL_ADD, 999, &e), " "); break;
    case 5: trace("ctl on closed", epoll_ctl(999, EPOLL_CTL_ADD, fd, &e), " "); break;
    default: trace("ctl pipe", epoll_ctl(set, EPOLL_CTL_ADD + (int)chance(2), game.pipe[0], &e), " "); break;
    }
}

static int by_data(const void *a, const void *b)
{
    const struct epoll_event *x = a, *y = b;
    return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

static int wait_for(int set, struct epoll_event *e, int max, int us)
{
    struct timespec t = {.tv_nsec = us * 1000};
    sigset_t mask;
    sigemptyset(&mask);
    switch (chance(3)) {
    case 0: return epoll_wait(set, e, max, us ? 1 : 0);
    case 1: return epoll_pwait(set, e, max, us ? 1 : 0, chance(2) ? &mask : NULL);
    default: return epoll_pwait2(set, e, max, &t, NULL);
    }
}

static void tell_of(const struct epoll_event *e, int n, const char *name)
{
    char text[256] = "";
    size_t len = 0;
    int levels = 0;
    bool over = game.peer_ended || game.write_shut || game.read_shut;
    for (int i = 0; i < n; i++) {
        unsigned long long data = e[i].data.u64 >> 40;
        bool only_room = !(e[i].events & ~(uint32_t)(EPOLLOUT | EPOLLWRNORM));
        if (e[i].data.u64 & EDGE && (over || only_room)) /* see run */
            continue;
        if (e[i].data.u64 & EDGE) { /* see run: more of these are allowed where they are of use */
            trace_edge("%x/%llx%s", e[i].events, data, game.unread ? " usable" : "");
            continue;
        }
        levels++;
        len += (size_t)snprintf(text + len, sizeof text - len, "%x/%llx ", e[i].events, data);
    }
    trace(name, n < 0 ? n : levels, "%s", text);
}

static void look(int n, int set)
{
    struct epoll_event e[MOST];
    int max = game.edges[n] || chance(4) ? MOST : 1 + (int)chance(2);
    int got = wait_for(set, e, max, chance(20) ? 0 : 300);
    if (max < MOST) { /* which comes first is the kernel's affair, and whether the rest comes now or next (see
                         run) */
        trace("epoll_wait few", got > 0 ? 1 : got, "%d", max);
        return;
    }
    if (got > 1)
        qsort(e, (size_t)got, sizeof *e, by_data);
    tell_of(e, got, "epoll_wait");
}

static void look_badly(int set)
{
    struct epoll_event e[MOST];
    switch (chance(4)) {
    case 0: trace("epoll_wait 0", epoll_wait(set, e, 0, 0), " "); break;
    case 1: trace("epoll_wait -1", epoll_wait(set, e, minus_one, 0), " "); break;
    case 2: trace("epoll_wait closed", epoll_wait(999, e, 1, 0), " "); break;
    default: trace("epoll_wait no set", epoll_wait(any_fd(), e, 1, 0), " "); break;
    }
}

/* What the set that holds the others says. With edges in them it may be told once more. */
static void look_outside(void)
{
    struct epoll_event e[MOST];
    if (game.sets[OUTER] < 0)
        return;
    int got = wait_for(game.sets[OUTER], e, MOST, 0);
    for (int i = 0; i < got; i++)
        if (game.edges[e[i].data.u32]) {
            e[i] = e[--got];
            i--;
        }
    if (got == 2 && e[0].data.u32 > e[1].data.u32)
        e[0].data.u32 = 0;
    trace("outer", got, "%d %d", got > 0 ? (int)e[0].data.u32 : -1, got > 1 ? 1 : -1);
}

static void until_bytes(int set)
{
    struct epoll_event e[MOST];
    if (game.lowat > 1 || !would_wait(1) || !peer_may_send(100))
        return;
    while (epoll_wait(set, e, MOST, 0) > 0) /* one that has something to tell without end is left alone */
        if (chance(3) == 0)
            return;
    when_asleep(self, "send %d", 100);
    game.unread += 100;
    int n = epoll_wait(set, e, MOST, 20);
    if (n > 1)
        qsort(e, (size_t)n, sizeof *e, by_data);
    tell_of(e, n, "epoll_wait at last");
    peer_sends(1); /* in step again, also where the set did not hold the connection */
}

void do_epoll(void)
{
    int set, n = any_set(&set);
    if (chance(3) == 0)
        change(n, set);
    if (chance(30) == 0)
        change_badly(set);
    if (chance(3) == 0)
        peer_sends(1 + chance(3000));
    switch (chance(40)) {
    case 0: look_badly(set); break;
    case 1: until_bytes(set); break;
    case 2:
    case 3:
    case 4: look_outside(); break;
    default: break;
    }
    look(n, set);
}
