/* SPDX-License-Identifier: MIT */
/* What epoll does around such connections, and what threads and children do to each other's waits. */
#include "tests/clients/waits.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ---- epoll ---- */

static void epoll_verdicts(void)
{
    int fd = pending(), set = epoll_create1(0), file = open("/proc/self/exe", O_RDONLY), closed = dup(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = 7}, got[4];
    close(closed);
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == -1 && errno == ENOENT);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, NULL) == -1 && errno == EFAULT);
    WANT(epoll_ctl(set, 99, fd, &e) == -1 && errno == EINVAL);
    WANT(epoll_ctl(closed, EPOLL_CTL_ADD, fd, &e) == -1 && errno == EBADF);
    WANT(epoll_ctl(file, EPOLL_CTL_ADD, fd, &e) == -1 && errno == EINVAL);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, file, &e) == -1 && errno == EPERM);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, closed, &e) == -1 && errno == EBADF);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == -1 && errno == EEXIST);
    WANT(epoll_wait(set, got, 0, 0) == -1 && errno == EINVAL);
    WANT(epoll_wait(set, got, 4, -1) == 1 && got[0].events == EPOLLIN && got[0].data.u64 == 7);
    e.events = EPOLLOUT, e.data.u64 = UINT64_MAX;
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, -1) == 1 && got[0].events == EPOLLOUT && got[0].data.u64 == UINT64_MAX);
    e.events = 0;
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == 0 && epoll_wait(set, got, 4, 50) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == 0 && epoll_wait(set, got, 4, 50) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT);
    close(fd), close(set), close(file);
}

static void epoll_edge_once(void)
{
    int fd = pending(), set = epoll_create1(0);
    char buf[4096];
    struct epoll_event e = {.events = EPOLLIN | EPOLLET}, got[4];
    usleep(50000);
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, 1000) == 1 && got[0].events == EPOLLIN);
    WANT(epoll_wait(set, got, 4, 100) == 0); /* nothing happened since */
    WANT(recv(fd, buf, sizeof buf, 0) > 900);
    WANT(epoll_wait(set, got, 4, 100) == 0);
    ask(fd, "/bytes/10");
    WANT(epoll_wait(set, got, 4, 1000) == 1 && got[0].events == EPOLLIN);
    close(fd), close(set);
}

static void epoll_oneshot_once(void)
{
    int fd = pending(), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT}, got[4];
    WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, 1000) == 1);
    WANT(epoll_wait(set, got, 4, 100) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) == 0);
    WANT(epoll_wait(set, got, 4, 1000) == 1);
    WANT(epoll_wait(set, got, 4, 100) == 0);
    close(fd), close(set);
}

static void epoll_fair(void)
{
    int fd = pending(), set = epoll_create1(0), pipes[2], seen[2] = {0, 0};
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 0}, got[4];
    WANT(pipe(pipes) == 0 && write(pipes[1], "x", 1) == 1);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    e.data.u32 = 1;
    epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &e);
    for (int i = 0; i < 10; i++) {
        WANT(epoll_wait(set, got, 1, 1000) == 1);
        seen[got[0].data.u32]++;
    }
    WANT(seen[0] >= 3 && seen[1] >= 3);
    WANT(epoll_wait(set, got, 2, 1000) == 2);
    close(fd), close(set), close(pipes[0]), close(pipes[1]);
}

static void epoll_closed(void)
{
    int fd = pending(), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN}, got[4];
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    close(fd);
    WANT(epoll_wait(set, got, 4, 50) == 0);
    WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == EBADF);
    fd = pending();
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    close(set);
    int again = epoll_create1(0);
    WANT(again == set && epoll_wait(again, got, 4, 50) == 0);
    WANT(epoll_ctl(again, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(again, got, 4, 1000) == 1);
    close(fd), close(again);
}

/* ---- threads ---- */

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

/* Some threads share a set of one-shot conns: each takes a little of whatever is ready and asks again. */
enum { POOL_CONNS = 12, POOL_BYTES = 300000 };
static atomic_long pool_left;

static void *pool_worker(void *arg)
{
    char buf[3000];
    struct epoll_event e;
    while (atomic_load(&pool_left) > 0) {
        int n = epoll_wait(waiting_set, &e, 1, 1000);
        if (n == 0 && atomic_load(&pool_left) > 0)
            *(bool *)arg = false; /* stalled */
        if (n <= 0)
            return NULL;
        ssize_t got = recv(e.data.fd, buf, sizeof buf, MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN)
            *(bool *)arg = false;
        if (got > 0)
            atomic_fetch_sub(&pool_left, got);
        e.events = EPOLLIN | EPOLLONESHOT;
        epoll_ctl(waiting_set, EPOLL_CTL_MOD, e.data.fd, &e);
    }
    return NULL;
}

static void thread_pool(void)
{
    int fds[POOL_CONNS];
    pthread_t t[4];
    bool good = true;
    waiting_set = epoll_create1(0);
    atomic_store(&pool_left, (long)POOL_CONNS * POOL_BYTES);
    for (int i = 0; i < POOL_CONNS; i++) {
        fds[i] = dial();
        struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = fds[i]};
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

static void child(void)
{
    int fd = pending(), set = epoll_create1(0), status = -1;
    struct epoll_event e = {.events = EPOLLIN}, got;
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    pid_t pid = fork();
    if (pid == 0) {
        close(set), close(fd);
        _exit(0);
    }
    WANT(waitpid(pid, &status, 0) == pid && status == 0);
    WANT(epoll_wait(set, &got, 1, 1000) == 1 && got.events == EPOLLIN);
    pid = vfork();  /* NOLINT(clang-analyzer-security.insecureAPI.vfork): the subject */
    if (pid == 0) { /* in our memory, as the children of posix_spawn() and python are */
        close(set); /* NOLINT(clang-analyzer-unix.Vfork): what such children do is the subject */
        close(fd);  /* NOLINT(clang-analyzer-unix.Vfork): the same */
        _exit(0);
    }
    WANT(waitpid(pid, &status, 0) == pid && status == 0);
    WANT(epoll_wait(set, &got, 1, 1000) == 1 && got.events == EPOLLIN);
    char buf[4096];
    WANT(recv(fd, buf, sizeof buf, 0) > 0);
    ask(fd, "/bytes/10");
    WANT(epoll_wait(set, &got, 1, 1000) == 1);
    WANT(recv(fd, buf, sizeof buf, 0) > 0);
    close(fd), close(set);
}

static const struct wait_case cases[] = {
    {"epoll-verdicts", epoll_verdicts},
    {"epoll-edge-once", epoll_edge_once},
    {"epoll-oneshot-once", epoll_oneshot_once},
    {"epoll-fair", epoll_fair},
    {"epoll-closed", epoll_closed},
    {"thread-quiet", thread_quiet},
    {"thread-epoll-add", thread_epoll_add},
    {"thread-epoll-rest", thread_epoll_rest},
    {"thread-cancel", thread_cancel},
    {"thread-pool", thread_pool},
    {"thread-level", thread_level},
    {"child", child},
};

int main(int argc, char **argv)
{
    return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
