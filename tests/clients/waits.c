/* SPDX-License-Identifier: MIT */
/*
 * waits PORT CANARY [CASE... | -CASE]: what poll, select, epoll and signals do around one connection with an
 * answer that pends (10 bytes of it were read). One line a case, "ok NAME" or "not ok NAME: LINE"; the same
 * with and without tlsup.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in to = {.sin_family = AF_INET};
static const char *canary;
static int failed_line;
#define WANT(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            failed_line = __LINE__;                                                                          \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long cpu_ms(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    return fd;
}

static void ask(int fd, const char *path)
{
    char request[512];
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nX-Canary: %s\r\n\r\n",
                     path, ntohs(to.sin_port), canary);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
}

/* The answer is there, 10 bytes of it were read. */
static int pending(void)
{
    char ten[10];
    int fd = dial();
    ask(fd, "/bytes/1000");
    if (recv(fd, ten, sizeof ten, MSG_WAITALL) != sizeof ten)
        die("recv");
    return fd;
}

/* Connected, through TLS once, and nothing to read. */
static int idle(void)
{
    char buf[4096];
    int fd = dial();
    ask(fd, "/bytes/10");
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) < 0 || !memmem(buf, sizeof buf, "\r\n\r\n", 4))
        usleep(1000);
    usleep(20000);
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
        continue;
    return fd;
}

/* ---- poll ---- */

static void poll_odd_entries(void)
{
    int fd = pending(), closed = dup(0);
    close(closed);
    struct pollfd p[] = {
        {-1, POLLIN, 77}, {fd, POLLIN, 77}, {closed, POLLIN, 77}, {fd, POLLOUT, 77}, {fd, 0, 77}};
    WANT(poll(p, 5, -1) == 3);
    WANT(p[0].revents == 0 && p[1].revents == POLLIN && p[2].revents == POLLNVAL);
    WANT(p[3].revents == POLLOUT && p[4].revents == 0);
    WANT(poll(NULL, 0, 0) == 0);
    struct timespec bad = {0, 1000000000};
    WANT(ppoll(p, 5, &bad, NULL) == -1 && errno == EINVAL);
    close(fd);
}

static void poll_many(void)
{
    enum { N = 200 };
    struct pollfd p[N];
    int fd = pending(), pipes[2];
    WANT(pipe(pipes) == 0);
    for (int i = 0; i < N; i++)
        p[i] = (struct pollfd){.fd = i == 150 ? fd : pipes[i % 2], .events = POLLIN};
    WANT(poll(p, N, 1000) == 1 && p[150].revents == POLLIN);
    WANT(write(pipes[1], "x", 1) == 1);
    WANT(poll(p, N, 1000) == 100); /* every other one, among them the conn */
    close(fd), close(pipes[0]), close(pipes[1]);
}

static void poll_timeout(void)
{
    int fd = idle();
    struct pollfd p = {fd, POLLIN, 77};
    long before = now_ms(), cpu = cpu_ms();
    WANT(poll(&p, 1, 300) == 0 && p.revents == 0);
    WANT(now_ms() - before >= 300 && now_ms() - before < 600 && cpu_ms() - cpu < 100);
    struct timespec ts = {0, 150000000};
    before = now_ms();
    WANT(ppoll(&p, 1, &ts, NULL) == 0 && now_ms() - before >= 150 && now_ms() - before < 400);
    WANT(poll(&p, 1, 0) == 0);
    close(fd);
}

/* ---- select ---- */

static void select_sets(void)
{
    int fd = pending(), closed = dup(0);
    fd_set r, w, e;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&e);
    FD_SET(fd, &r), FD_SET(fd, &w), FD_SET(fd, &e);
    struct timeval tv = {5, 0};
    WANT(select(fd + 1, &r, &w, &e, &tv) == 2);
    WANT(FD_ISSET(fd, &r) && FD_ISSET(fd, &w) && !FD_ISSET(fd, &e));
    WANT(tv.tv_sec == 4 && tv.tv_usec > 500000);
    close(closed);
    FD_SET(closed, &r);
    FD_SET(fd, &e);
    WANT(select((closed > fd ? closed : fd) + 1, &r, &w, &e, &tv) == -1 && errno == EBADF);
    WANT(FD_ISSET(fd, &r) && FD_ISSET(closed, &r) && FD_ISSET(fd, &e)); /* unchanged */
    tv.tv_sec = -1;
    WANT(select(fd + 1, &r, NULL, NULL, &tv) == -1 && errno == EINVAL);
    close(fd);
}

static void select_timeout(void)
{
    int fd = idle();
    fd_set r, e;
    FD_ZERO(&r);
    FD_ZERO(&e);
    FD_SET(fd, &r), FD_SET(fd, &e);
    struct timeval tv = {0, 200000};
    long before = now_ms();
    WANT(select(fd + 1, &r, NULL, &e, &tv) == 0 && !FD_ISSET(fd, &r) && !FD_ISSET(fd, &e));
    WANT(now_ms() - before >= 200 && tv.tv_sec == 0 && tv.tv_usec == 0);
    struct timespec ts = {0, 100000000};
    FD_SET(fd, &r);
    WANT(pselect(fd + 1, &r, NULL, NULL, &ts, NULL) == 0 && ts.tv_nsec == 100000000);
    close(fd);
}

static void select_large(void)
{
    enum { HIGH = 3000 };
    struct rlimit limit = {4096, 4096};
    unsigned long r[HIGH / 8 / sizeof(long) + 1] = {0};
    WANT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int fd = pending();
    WANT(dup2(fd, HIGH) == HIGH);
    r[HIGH / 64] = 1UL << HIGH % 64;
    WANT(select(HIGH + 1, (fd_set *)(void *)r, NULL, NULL, NULL) == 1);
    WANT(r[HIGH / 64] == 1UL << HIGH % 64);
    close(HIGH), close(fd);
}

/* ---- signals ---- */

static volatile sig_atomic_t signals;
static void count(int signal)
{
    (void)signal;
    signals++;
}

static void handle(int signal, int flags)
{
    struct sigaction a = {.sa_handler = count, .sa_flags = flags};
    sigaction(signal, &a, NULL);
    signals = 0;
}

static void alarm_in(int ms)
{
    struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static void signal_poll(void)
{
    int fd = idle(), set = epoll_create1(0);
    struct pollfd p = {fd, POLLIN, 0};
    struct epoll_event e = {.events = EPOLLIN};
    fd_set r;
    FD_ZERO(&r);
    FD_SET(fd, &r);
    handle(SIGALRM, SA_RESTART);
    alarm_in(100);
    WANT(poll(&p, 1, 2000) == -1 && errno == EINTR);
    alarm_in(100);
    WANT(select(fd + 1, &r, NULL, NULL, NULL) == -1 && errno == EINTR && FD_ISSET(fd, &r));
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    alarm_in(100);
    WANT(epoll_wait(set, &e, 1, 2000) == -1 && errno == EINTR);
    WANT(signals == 3);
    close(fd), close(set);
    handle(SIGALRM, 0);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static void signal_mask(void)
{
    int fd = idle(), set = epoll_create1(0);
    sigset_t usr, none;
    struct pollfd p = {fd, POLLIN, 0};
    struct epoll_event e = {.events = EPOLLIN};
    fd_set r;
    FD_ZERO(&r);
    FD_SET(fd, &r);
    sigemptyset(&none), sigemptyset(&usr), sigaddset(&usr, SIGUSR1);
    handle(SIGUSR1, 0);
    sigprocmask(SIG_BLOCK, &usr, NULL);
    raise(SIGUSR1);
    WANT(poll(&p, 1, 50) == 0 && signals == 0);
    WANT(ppoll(&p, 1, NULL, &none) == -1 && errno == EINTR && signals == 1);
    raise(SIGUSR1);
    WANT(pselect(fd + 1, &r, NULL, NULL, NULL, &none) == -1 && errno == EINTR && signals == 2);
    raise(SIGUSR1);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    WANT(epoll_pwait(set, &e, 1, -1, &none) == -1 && errno == EINTR && signals == 3);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    WANT(sigismember(&now, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &usr, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(fd), close(set);
}

static void signal_recv(void)
{
    int fd = idle();
    char byte;
    struct timeval tv = {1, 0};
    handle(SIGALRM, 0);
    alarm_in(100);
    WANT(recv(fd, &byte, 1, 0) == -1 && errno == EINTR && signals == 1);
    handle(SIGALRM, SA_RESTART);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    alarm_in(100);
    WANT(recv(fd, &byte, 1, 0) == -1 && errno == EINTR && signals == 1); /* signal(7): never restarted */
    tv.tv_usec = 0, tv.tv_sec = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    ask(fd, "/slow/400");
    signals = 0;
    alarm_in(100);
    WANT(recv(fd, &byte, 1, 0) == 1 && signals == 1);
    signal(SIGALRM, SIG_DFL);
    close(fd);
}

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

static void child(void)
{
    int fd = pending(), set = epoll_create1(0), status = -1;
    struct epoll_event e = {.events = EPOLLIN}, got;
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    for (int i = 0; i < 2; i++) { /* fork, and vfork, whose child closes numbers in our memory */
        pid_t pid = i ? vfork() : fork();
        if (pid == 0) {
            close(set);
            close(fd);
            _exit(0);
        }
        WANT(waitpid(pid, &status, 0) == pid && status == 0);
        WANT(epoll_wait(set, &got, 1, 1000) == 1 && got.events == EPOLLIN);
    }
    char buf[4096];
    WANT(recv(fd, buf, sizeof buf, 0) > 0);
    ask(fd, "/bytes/10");
    WANT(epoll_wait(set, &got, 1, 1000) == 1);
    WANT(recv(fd, buf, sizeof buf, 0) > 0);
    close(fd), close(set);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"poll-odd-entries", poll_odd_entries},
    {"poll-many", poll_many},
    {"poll-timeout", poll_timeout},
    {"select-sets", select_sets},
    {"select-timeout", select_timeout},
    {"select-large", select_large},
    {"signal-poll", signal_poll},
    {"signal-mask", signal_mask},
    {"signal-recv", signal_recv},
    {"epoll-verdicts", epoll_verdicts},
    {"epoll-edge-once", epoll_edge_once},
    {"epoll-oneshot-once", epoll_oneshot_once},
    {"epoll-fair", epoll_fair},
    {"epoll-closed", epoll_closed},
    {"thread-quiet", thread_quiet},
    {"thread-epoll-add", thread_epoll_add},
    {"thread-epoll-rest", thread_epoll_rest},
    {"thread-pool", thread_pool},
    {"child", child},
    {"thread-cancel", thread_cancel},
};

static bool chosen(int n, char **names, const char *name)
{
    if (n == 0 || names[0][0] == '-')
        return n == 0 || strcmp(names[0] + 1, name) != 0;
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 3)
        return 2;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    canary = argv[2];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!chosen(argc - 3, argv + 3, cases[i].name))
            continue;
        failed_line = 0;
        cases[i].run();
        if (failed_line)
            printf("not ok %s: line %d (%s)\n", cases[i].name, failed_line, strerror(errno)), status = 1;
        else
            printf("ok %s\n", cases[i].name);
    }
    return status;
}
