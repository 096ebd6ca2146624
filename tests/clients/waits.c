/* SPDX-License-Identifier: MIT */
/* What poll, select and signals do around a connection with an answer of which 10 bytes were read. */
#include "tests/clients/waits.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

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

static const struct wait_case cases[] = {
    {"poll-odd-entries", poll_odd_entries}, {"poll-many", poll_many},
    {"poll-timeout", poll_timeout},         {"select-sets", select_sets},
    {"select-timeout", select_timeout},     {"select-large", select_large},
    {"signal-poll", signal_poll},           {"signal-mask", signal_mask},
    {"signal-recv", signal_recv},
};

int main(int argc, char **argv)
{
    return run_cases(cases, sizeof cases / sizeof cases[0], argc, argv);
}
