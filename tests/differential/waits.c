/* SPDX-License-Identifier: MIT */
/* Readiness: poll, select and epoll, of what there is now. */
#include "tests/differential/driver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

static void maybe_bytes(void)
{
    size_t sent = 1 + chance(3000);
    if (chance(3) == 0 && peer_may_send()) {
        tell("send %zu", sent);
        game.unread += sent;
    }
}

static void by_poll(void)
{
    static const short asks[] = {
        POLLIN, POLLOUT, POLLIN | POLLOUT, POLLIN | POLLPRI, POLLRDHUP | POLLIN, 0, POLLRDNORM | POLLWRNORM};
    struct pollfd p[3] = {{any_fd(), asks[chance(7)], 0}, {-1, POLLIN, 0}, {any_fd(), asks[chance(7)], 0}};
    struct timespec t = {.tv_nsec = chance(3) * 1000000};
    int n = chance(2) ? poll(p, 3, (int)(t.tv_nsec / 1000000)) : ppoll(p, 3, &t, NULL);
    trace("poll", n, "%x:%x %x:%x", (unsigned)p[0].events, (unsigned)p[0].revents, (unsigned)p[2].events,
          (unsigned)p[2].revents);
}

static void by_select(void)
{
    fd_set r, w, e;
    int fd = any_fd();
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&e);
    FD_SET(fd, &e);
    if (chance(2))
        FD_SET(fd, &r);
    if (chance(2))
        FD_SET(fd, &w);
    struct timeval t = {.tv_usec = chance(3) * 1000};
    struct timespec ts = {.tv_nsec = t.tv_usec * 1000};
    int n = chance(2) ? select(fd + 1, &r, &w, &e, &t) : pselect(fd + 1, &r, &w, &e, &ts, NULL);
    trace("select", n, "%d%d%d", FD_ISSET(fd, &r) != 0, FD_ISSET(fd, &w) != 0, FD_ISSET(fd, &e) != 0);
}

void do_wait(void)
{
    maybe_bytes();
    if (chance(2))
        by_poll();
    else
        by_select();
}

/* ---- epoll ---- */

#define EDGE 1U /* in the data of a registration that asks for edges */

static void change(int set)
{
    static const uint32_t kinds[] = {EPOLLIN, EPOLLIN | EPOLLOUT, EPOLLOUT, EPOLLIN | EPOLLRDHUP, 0};
    static const uint32_t ways[] = {0, 0, EPOLLET, EPOLLET, EPOLLONESHOT};
    static const int ops[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
    struct epoll_event e = {.events = kinds[chance(5)] | ways[chance(5)],
                            .data.u64 = (uint64_t)chance(1000000) << 40};
    int op = ops[chance(5)];
    e.data.u64 |= e.events & EPOLLET ? EDGE : 0;
    trace("epoll_ctl", epoll_ctl(set, op, any_fd(), &e), "%d %x", op, e.events);
}

static int by_data(const void *a, const void *b)
{
    const struct epoll_event *x = a, *y = b;
    return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

static void look(int set)
{
    struct epoll_event e[8];
    char text[256] = "";
    size_t len = 0;
    struct timespec t = {.tv_nsec = chance(3) * 1000000};
    int n = chance(2) ? epoll_wait(set, e, 8, (int)(t.tv_nsec / 1000000)) : epoll_pwait2(set, e, 8, &t, NULL);
    if (n > 1)
        qsort(e, (size_t)n, sizeof *e, by_data);
    int levels = 0;
    for (int i = 0; i < n; i++) {
        unsigned long long data = e[i].data.u64 >> 40;
        if (e[i].data.u64 & EDGE && (game.peer_ended || game.write_shut || game.read_shut))
            continue;               /* how many edges an end makes is not compared */
        if (e[i].data.u64 & EDGE) { /* see run: more of these are allowed where they are of use */
            trace_edge("%x/%llx%s", e[i].events, data,
                       game.unread || e[i].events & EPOLLOUT ? " usable" : "");
            continue;
        }
        levels++;
        len += (size_t)snprintf(text + len, sizeof text - len, "%x/%llx ", e[i].events, data);
    }
    n = n < 0 ? n : levels;
    trace("epoll_wait", n, "%s", text);
}

void do_epoll(void)
{
    int set = game.sets[chance(2)];
    if (chance(3) == 0)
        change(set);
    maybe_bytes();
    look(set);
}
