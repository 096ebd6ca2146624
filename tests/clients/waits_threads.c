/* SPDX-License-Identifier: MIT */
/* What threads do to each other's waits. */
#include "tests/clients/waits.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/time.h>

static void *sleeper(void *arg)
{
    struct pollfd p = {*(int *)arg, POLLIN, 0};
    poll(&p, 1, 1000);
    return NULL;
}

static void *receiver(void *arg)
{
    char byte;
    struct timeval tv = {1, 0};
    setsockopt(*(int *)arg, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    recv(*(int *)arg, &byte, 1, 0);
    return NULL;
}

/* Sleepers on one connection must not wake each other for ever. */
static void thread_quiet(void)
{
    int fd = idle();
    pthread_t t[4];
    long cpu = cpu_ms();
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, i % 2 ? sleeper : receiver, &fd);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    WANT(cpu_ms() - cpu < 100);
    close(fd);
}

static int waiting_set;
static void *epoll_sleeper(void *arg)
{
    struct epoll_event got;
    *(long *)arg = epoll_wait(waiting_set, &got, 1, 2000) == 1 ? now_ms() : -1;
    return NULL;
}

/* A thread sleeps in epoll_wait() before there is a conn in the set at all. */
static void thread_epoll_add(void)
{
    int fd = pending();
    struct epoll_event e = {.events = EPOLLIN};
    pthread_t t;
    long when = 0;
    waiting_set = epoll_create1(0);
    pthread_create(&t, NULL, epoll_sleeper, &when);
    usleep(100000);
    long before = now_ms();
    epoll_ctl(waiting_set, EPOLL_CTL_ADD, fd, &e);
    pthread_join(t, NULL);
    WANT(when >= 0 && when - before < 100);
    close(fd), close(waiting_set);
}

/* A thread reads part of a record while another sleeps in epoll_wait(): what is left must wake it. */
static void thread_epoll_rest(void)
{
    static const uint32_t kinds[] = {0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE};
    for (size_t k = 0; k < 4; k++) {
        int fd = idle();
        char ten[10];
        struct epoll_event e = {.events = EPOLLIN | kinds[k]};
        pthread_t t;
        long when = 0;
        waiting_set = epoll_create1(0);
        epoll_ctl(waiting_set, EPOLL_CTL_ADD, fd, &e);
        pthread_create(&t, NULL, epoll_sleeper, &when);
        usleep(50000);
        ask(fd, "/slow/200");
        long before = now_ms();
        WANT(recv(fd, ten, sizeof ten, 0) == 10);
        pthread_join(t, NULL);
        WANT(when >= 0 && when - before < 400);
        close(fd), close(waiting_set);
    }
}

static void *poll_forever(void *arg)
{
    struct pollfd p = {*(int *)arg, POLLIN, 0};
    poll(&p, 1, -1);
    return NULL;
}

static void *recv_forever(void *arg)
{
    char byte;
    recv(*(int *)arg, &byte, 1, 0);
    return NULL;
}

static void *epoll_forever(void *arg)
{
    struct epoll_event got;
    (void)arg;
    epoll_wait(waiting_set, &got, 1, -1);
    return NULL;
}

static void thread_cancel(void)
{
    void *(*const ways[])(void *) = {poll_forever, recv_forever, epoll_forever};
    int fd = idle();
    char byte;
    struct epoll_event e = {.events = EPOLLIN};
    waiting_set = epoll_create1(0);
    epoll_ctl(waiting_set, EPOLL_CTL_ADD, fd, &e);
    for (int i = 0; i < 3; i++) {
        pthread_t t;
        void *how;
        pthread_create(&t, NULL, ways[i], &fd);
        usleep(50000);
        pthread_cancel(t);
        pthread_join(t, &how);
        WANT(how == PTHREAD_CANCELED);
    }
    ask(fd, "/bytes/10");
    WANT(recv(fd, &byte, 1, 0) == 1);
    close(fd), close(waiting_set);
}

/* Some threads share a set: each takes a little of whatever is ready, or with EPOLLET all of it, and asks
 * again. */
enum { POOL_CONNS = 12, POOL_BYTES = 300000 };
static atomic_long pool_left;
static uint32_t pool_events;

static bool pool_take(int fd)
{
    char buf[3000];
    ssize_t got;
    do {
        got = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
        if (got > 0)
            atomic_fetch_sub(&pool_left, got);
    } while (got > 0 && pool_events & EPOLLET);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

static void *pool_worker(void *arg)
{
    struct epoll_event e;
    while (atomic_load(&pool_left) > 0) {
        int n = epoll_wait(waiting_set, &e, 1, 1000);
        if (n == 0 && atomic_load(&pool_left) > 0)
            *(bool *)arg = false; /* stalled */
        if (n <= 0)
            return NULL;
        if (!pool_take(e.data.fd))
            *(bool *)arg = false;
        e.events = pool_events;
        if (pool_events & EPOLLONESHOT)
            epoll_ctl(waiting_set, EPOLL_CTL_MOD, e.data.fd, &e);
    }
    return NULL;
}

static void pool(uint32_t events)
{
    int fds[POOL_CONNS];
    pthread_t t[4];
    bool good = true;
    waiting_set = epoll_create1(0);
    pool_events = events;
    atomic_store(&pool_left, (long)POOL_CONNS * POOL_BYTES);
    for (int i = 0; i < POOL_CONNS; i++) {
        fds[i] = dial();
        struct epoll_event e = {.events = events, .data.fd = fds[i]};
        ask(fds[i], "/bytes/300000");
        epoll_ctl(waiting_set, EPOLL_CTL_ADD, fds[i], &e);
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, pool_worker, &good);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    WANT(good && atomic_load(&pool_left) <= 0);
    for (int i = 0; i < POOL_CONNS; i++)
        close(fds[i]);
    close(waiting_set);
}

static void thread_pool(void)
{
    static const uint32_t flags[] = {EPOLLONESHOT, 0, EPOLLET, EPOLLET | EPOLLONESHOT};
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !failed_line; i++)
        pool(EPOLLIN | flags[i]);
}

/* Some threads look at the same conns, which stay readable: no answer has one of them twice. */
enum { LEVEL_CONNS = 12, LEVEL_WAITS = 3000 };

static void *level_worker(void *arg)
{
    struct epoll_event got[2 * LEVEL_CONNS];
    for (int i = 0; i < LEVEL_WAITS; i++) {
        unsigned seen = 0;
        int n = epoll_wait(waiting_set, got, 2 * LEVEL_CONNS, 1000);
        for (int k = 0; k < n; k++) {
            if (seen & 1U << got[k].data.u32)
                atomic_fetch_add((atomic_int *)arg, 1);
            seen |= 1U << got[k].data.u32;
        }
    }
    return NULL;
}

static void thread_level(void)
{
    int fds[LEVEL_CONNS];
    pthread_t t[4];
    atomic_int twice = 0;
    waiting_set = epoll_create1(0);
    for (unsigned i = 0; i < LEVEL_CONNS; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        fds[i] = pending();
        epoll_ctl(waiting_set, EPOLL_CTL_ADD, fds[i], &e);
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, level_worker, &twice);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    WANT(twice == 0);
    for (int i = 0; i < LEVEL_CONNS; i++)
        close(fds[i]);
    close(waiting_set);
}

static const struct wait_case cases[] = {
    {"thread-quiet", thread_quiet},
    {"thread-epoll-add", thread_epoll_add},
    {"thread-epoll-rest", thread_epoll_rest},
    {"thread-cancel", thread_cancel},
    {"thread-pool", thread_pool},
    {"thread-level", thread_level},
};

int main(int argc, char **argv)
{
    return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
