/* SPDX-License-Identifier: MIT */
/*
 * readiness WAIT READ PORT CANARY [PATH [BYTES]]: fetches PATH from localhost without blocking and says how
 * its waits told the truth: "bytes N stalls S lies L sum X". A stall is a wait for reading of 1 s that found
 * nothing though the answer was not complete; a lie is one that said readable where the first recv() gave
 * EAGAIN.
 *
 * WAIT: poll ppoll select pselect level edge oneshot exclusive nested polled (an epoll set inside another, or
 * polled) READ: one (a recv() of 10 bytes each time), all (until EAGAIN), short (until a recv() that is
 * shorter than asked), asked (as many bytes as FIONREAD said), thread (another thread reads 10 bytes of
 * whatever comes first)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *how, *reading;
static int fd, set = -1, outer = -1;
static unsigned long bytes, stalls, lies, sum;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static bool is(const char *what)
{
    return strcmp(how, what) == 0;
}

/* ---- ways to wait ---- */

static uint32_t flags(void)
{
    return is("edge") ? EPOLLET : is("oneshot") ? EPOLLONESHOT : is("exclusive") ? EPOLLEXCLUSIVE : 0;
}

static bool uses_epoll(void)
{
    return is("level") || is("edge") || is("oneshot") || is("exclusive") || is("nested") || is("polled");
}

static void arm(int op, short events)
{
    struct epoll_event e = {.events = (uint32_t)events | flags(), .data.u64 = 0x1122334455667788};
    if (is("exclusive") && op == EPOLL_CTL_MOD) {
        epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
        op = EPOLL_CTL_ADD;
    }
    if (epoll_ctl(set, op, fd, &e) != 0)
        die("epoll_ctl");
}

static void begin(short events)
{
    if (!uses_epoll())
        return;
    set = epoll_create1(0);
    arm(EPOLL_CTL_ADD, events);
    if (!is("nested"))
        return;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = set};
    outer = epoll_create1(0);
    if (epoll_ctl(outer, EPOLL_CTL_ADD, set, &e) != 0)
        die("epoll_ctl of a set");
}

static int harvest(int ms)
{
    struct epoll_event e[4];
    int n = epoll_wait(set, e, 4, ms);
    if (n < 0)
        die("epoll_wait");
    for (int i = 0; i < n; i++)
        if (e[i].data.u64 != 0x1122334455667788) {
            printf("foreign data %llx\n", (unsigned long long)e[i].data.u64);
            exit(1);
        }
    return n ? (int)e[0].events : 0;
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_outer(int ms)
{
    long until = now_ms() + ms;
    for (;;) { /* the inner set may be readable for the sake of the handshake */
        long left = until - now_ms();
        struct epoll_event e;
        struct pollfd p = {.fd = set, .events = POLLIN};
        if (left <= 0)
            return 0;
        int n = is("nested") ? epoll_wait(outer, &e, 1, (int)left) : poll(&p, 1, (int)left);
        if (n < 0)
            die("waiting for a set");
        int bits = n ? harvest(0) : 0;
        if (bits)
            return bits;
    }
}

static int wait_select(short events, int ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    if (events & POLLIN)
        FD_SET(fd, &r);
    if (events & POLLOUT)
        FD_SET(fd, &w);
    int n = is("select") ? select(fd + 1, &r, &w, NULL, &tv) : pselect(fd + 1, &r, &w, NULL, &ts, NULL);
    if (n < 0)
        die("select");
    return (FD_ISSET(fd, &r) ? POLLIN : 0) | (FD_ISSET(fd, &w) ? POLLOUT : 0);
}

static int wait_for(short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    if (is("poll") || is("ppoll")) {
        if ((is("poll") ? poll(&p, 1, ms) : ppoll(&p, 1, &ts, NULL)) < 0)
            die("poll");
        return p.revents;
    }
    if (!uses_epoll())
        return wait_select(events, ms);
    if (!is("edge"))
        arm(EPOLL_CTL_MOD, events);
    return is("nested") || is("polled") ? wait_outer(ms) : harvest(ms);
}

/* ---- reading ---- */

static bool ended;

static ssize_t take(size_t want)
{
    static unsigned char buf[65536];
    ssize_t n = recv(fd, buf, want < sizeof buf ? want : sizeof buf, 0);
    if (n < 0 && errno != EAGAIN)
        die("recv");
    for (ssize_t i = 0; i < n; i++)
        sum = sum * 31 + buf[i];
    bytes += n > 0 ? (unsigned long)n : 0;
    ended = ended || n == 0;
    return n;
}

static void read_some(void)
{
    ssize_t n;
    int ready = 0;
    if (strcmp(reading, "one") == 0) {
        lies += take(10) < 0;
    } else if (strcmp(reading, "asked") == 0) {
        if (ioctl(fd, FIONREAD, &ready) != 0)
            die("FIONREAD");
        lies += take(ready ? (size_t)ready : 1) < 0; /* none: it must be the end */
    } else if (strcmp(reading, "short") == 0) {
        lies += (n = take(4096)) < 0;
        while (n == 4096)
            n = take(4096);
    } else {
        lies += (n = take(4096)) < 0;
        while (n > 0)
            n = take(4096);
    }
}

static void *reader(void *unused)
{
    char ten[10];
    (void)unused;
    ssize_t n = recv(fd, ten, sizeof ten, 0);
    for (ssize_t i = 0; i < n; i++)
        sum = sum * 31 + (unsigned char)ten[i];
    bytes += n > 0 ? (unsigned long)n : 0;
    return NULL;
}

/* Two threads in wait and recv at once: what the reader leaves must wake the waiter. The socket blocks for
 * that. */
static void two_threads(void)
{
    pthread_t other;
    int off = 0;
    ioctl(fd, FIONBIO, &off);
    pthread_create(&other, NULL, reader, NULL);
    int bits;
    do
        bits = wait_for(POLLIN, 5000);
    while (is("edge") && bits == EPOLLOUT);
    int saved = errno;
    pthread_join(other, NULL);
    errno = saved;
    stalls += !(bits & POLLIN);
    ioctl(fd, FIONBIO, &(int){1});
    read_some(); /* the edge was for this */
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[512];
    if (argc < 5)
        return 2;
    how = argv[1];
    reading = argv[2];
    to.sin_port = htons((uint16_t)atoi(argv[3]));
    unsigned long expected = argc > 6 ? strtoul(argv[6], NULL, 10) : 0;
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\nConnection: close\r\n\r\n",
             argc > 5 ? argv[5] : "/bytes/100", argv[3], argv[4]);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        die("connect");
    begin(POLLIN | POLLOUT);
    if (!(wait_for(POLLOUT, 2000) & POLLOUT))
        die("no way to write");
    if (send(fd, request, strlen(request), 0) != (ssize_t)strlen(request))
        die("send");
    if (strcmp(reading, "thread") == 0)
        two_threads();
    while (!ended && stalls < 3 && !(expected && bytes >= expected)) {
        int bits = wait_for(POLLIN, 1000);
        if (is("edge") && bits == EPOLLOUT)
            continue;
        if (bits & (POLLIN | POLLHUP | POLLERR))
            read_some();
        else
            stalls++;
    }
    printf("bytes %lu stalls %lu lies %lu sum %lx\n", bytes, stalls, lies, sum);
    return 0;
}
