/* SPDX-License-Identifier: MIT */
/* Sockets that are full, and calls that have a time. How much a full socket has taken TCP does not promise.
 */
#include "tests/differential/driver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LARGE 300000 /* more than both buffers hold */
#define SMALL 16384
#define LAST  40000

static bool may_send(void)
{
    return !game.write_shut && !game.reset;
}

static void buffer_of(int fd, int size)
{
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* The peer reads what was taken; the last record, which a full socket left to us, at the next look (see run).
 */
static void drain(int fd, size_t all)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t first = all > LAST ? all - LAST : 0;
    if (first)
        tell("read %zu", first);
    trace("poll out", poll(&p, 1, 3000), "%x", (unsigned)p.revents & POLLOUT);
    if (all > first)
        tell("read %zu", all - first);
}

/* As one who does not want to wait: until it is full, then with other data and another length. */
static void fill(int fd)
{
    ssize_t n;
    size_t all = 0;
    fill_buffer(LARGE);
    while (all < 3000000 && (n = send(fd, buffer, LARGE, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
        all += (size_t)n;
    trace("full", all < 3000000 ? -1 : 0, " ");
    n = send(fd, buffer, 1 + chance(100),
             MSG_DONTWAIT | MSG_NOSIGNAL); /* acknowledgements may have made room */
    all += n > 0 ? (size_t)n : 0;
    drain(fd, all);
    fill_buffer(1000);
    n = send(fd, buffer, 1000, MSG_NOSIGNAL);
    trace("send", n, "with room");
    drain(fd, n > 0 ? (size_t)n : 0);
}

/* As one who waits: the peer reads when the call sleeps. */
static void block(int fd)
{
    fill_buffer(LARGE);
    when_asleep(self, "read %d", LARGE);
    long n = chance(2) ? send(fd, buffer, LARGE, MSG_NOSIGNAL) : write(fd, buffer, LARGE);
    trace("send that waits", n, " ");
}

void do_full(void)
{
    int fd = any_fd();
    if (!may_send())
        return;
    settle();
    buffer_of(fd, SMALL);
    if (chance(2) || game.nonblocking)
        fill(fd);
    else
        block(fd);
    buffer_of(fd, LARGE);
}

static long since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

static void set_time(int fd, int option, int us)
{
    struct timeval t = {.tv_usec = us}, got = {0};
    socklen_t len = sizeof got;
    trace("time", setsockopt(fd, SOL_SOCKET, option, &t, sizeof t), " ");
    trace("time", getsockopt(fd, SOL_SOCKET, option, &got, &len), "%ld", (long)got.tv_usec);
}

void do_timeout(void)
{
    int fd = any_fd();
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (game.nonblocking)
        return;
    if (chance(2) && would_wait(1)) {
        set_time(fd, SO_RCVTIMEO, 4000);
        long n = recv(fd, buffer, 10, chance(2) ? MSG_WAITALL : 0);
        trace("recv in time", n, "%s",
              since(&start) < 4000     ? "too early"
              : since(&start) > 900000 ? "late"
                                       : "");
        set_time(fd, SO_RCVTIMEO, 0);
    } else if (may_send()) {
        settle();
        buffer_of(fd, SMALL);
        set_time(fd, SO_SNDTIMEO, 8000);
        fill_buffer(LARGE);
        long n = send(fd, buffer, LARGE, MSG_NOSIGNAL);
        trace("send in time", n > 0 && n<LARGE, "%s", since(&start)> 900000 ? "late" : "");
        set_time(fd, SO_SNDTIMEO, 0);
        if (n > 0)
            drain(fd, (size_t)n);
        buffer_of(fd, LARGE); /* so that what is not yet acknowledged does not show */
    }
}
