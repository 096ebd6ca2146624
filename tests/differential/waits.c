/* SPDX-License-Identifier: MIT */
/* Readiness: poll and select, of what there is now. */
#include "tests/differential/driver.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

/* Mostly none: what is not ready costs a timeout. In microseconds. */
static int patience(void)
{
    return chance(20) ? 0 : 200 + (int)chance(1000);
}

static void by_poll(void)
{
    static const short asks[] = {
        POLLIN, POLLOUT, POLLIN | POLLOUT, POLLIN | POLLPRI, POLLRDHUP | POLLIN, 0, POLLRDNORM | POLLWRNORM};
    struct pollfd p[4] = {{any_fd(), asks[chance(7)], 0},
                          {-1, POLLIN, 5},
                          {any_fd(), asks[chance(7)], 0},
                          {game.pipe[chance(2)], POLLIN, 0}};
    nfds_t count = 1 + chance(4);
    int us = patience(), ms = us ? 1 : 0;
    struct timespec t = {.tv_nsec = us * 1000};
    sigset_t mask;
    sigemptyset(&mask);
    int n = chance(2) ? poll(p, count, ms) : ppoll(p, count, &t, chance(2) ? &mask : NULL);
    trace("poll", n, "%x:%x %x %x:%x %x", (unsigned)p[0].events, (unsigned)p[0].revents,
          (unsigned)p[1].revents, (unsigned)p[2].events, (unsigned)p[2].revents, (unsigned)p[3].revents);
}

static void by_poll_badly(void)
{
    struct pollfd p[2] = {{any_fd(), POLLOUT, 0}, {999, POLLIN, 0}};
    struct timespec bad = {0, 2000000000};
    switch (chance(4)) {
    case 0: trace("poll nowhere", poll(nowhere(), 1, 0), " "); break;
    case 1: trace("ppoll bad time", ppoll(p, 1, &bad, NULL), " "); break;
    case 2: trace("poll none", poll(NULL, 0, 0), " "); break;
    default: {
        int n = poll(p, 2, 0);
        trace("poll closed", n, "%x %x", (unsigned)p[0].revents, (unsigned)p[1].revents);
    }
    }
}

static void by_select(void)
{
    fd_set r, w, e;
    int fd = any_fd(), other = game.pipe[0], top = (fd > other ? fd : other) + 1;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&e);
    if (chance(2))
        FD_SET(fd, &e);
    if (chance(2))
        FD_SET(fd, &r);
    if (chance(2))
        FD_SET(fd, &w);
    if (chance(2))
        FD_SET(other, &r);
    int us = patience();
    struct timeval t = {.tv_usec = us};
    struct timespec ts = {.tv_nsec = us * 1000};
    int n = chance(2) ? select(top, &r, &w, &e, &t) : pselect(top, &r, &w, &e, &ts, NULL);
    trace("select", n, "%d%d%d %d", FD_ISSET(fd, &r) != 0, FD_ISSET(fd, &w) != 0, FD_ISSET(fd, &e) != 0,
          FD_ISSET(other, &r) != 0);
}

/* Sleeps until the peer sends. */
static void until_bytes(void)
{
    struct pollfd p = {any_fd(), POLLIN, 0};
    fd_set r;
    if (game.lowat > 1 || !would_wait(1) || !peer_may_send(100))
        return;
    when_asleep(self, "send %d", 100);
    game.unread += 100;
    FD_ZERO(&r);
    FD_SET(p.fd, &r);
    if (chance(2))
        trace("poll at last", poll(&p, 1, 3000), "%x", (unsigned)p.revents);
    else
        trace("select at last", select(p.fd + 1, &r, NULL, NULL, NULL), "%d", FD_ISSET(p.fd, &r) != 0);
}

void do_wait(void)
{
    char byte = 'x';
    if (chance(3) == 0)
        peer_sends(1 + chance(3000));
    if (chance(10) == 0 && write(game.pipe[1], &byte, 1) < 0)
        return;
    if (chance(10) == 0 && read(game.pipe[0], &byte, 1) < 0)
        by_poll();
    switch (chance(20)) {
    case 0: by_poll_badly(); break;
    case 1: until_bytes(); break;
    default: break;
    }
    if (chance(2))
        by_poll();
    else
        by_select();
}
