/* SPDX-License-Identifier: MIT */
/* Signals: handlers with and without SA_RESTART, that do nothing, or use a pipe, or the connection itself,
 * while a call of every kind sleeps. */
#include "tests/differential/driver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ran, does, result, error, pipes;

static void handler(int number)
{
    char byte;
    int saved = errno;
    (void)number;
    ran++;
    errno = 0;
    if (does == 1)
        result = (int)write(game.pipe[1], "s", 1) + (int)read(game.pipe[0], &byte, 1);
    else if (does == 2)
        result = (int)recv(game.fds[0] >= 0 ? game.fds[0] : game.fds[1], &byte, 1, MSG_DONTWAIT);
    else if (does == 3)
        result = (int)send(game.fds[0] >= 0 ? game.fds[0] : game.fds[1], "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    error = does >= 2 && result < 0 ? errno : 0;
    errno = saved;
}

static void on_pipe(int number)
{
    (void)number;
    pipes++;
}

int broken_pipes(void)
{
    int n = pipes;
    pipes = 0;
    return n;
}

/* One handler for both, so that what sleeps may be ended by one signal and not by the other. */
void signals_init(void)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &a, NULL);
    a.sa_handler = on_pipe;
    sigaction(SIGPIPE, &a, NULL);
    a.sa_handler = handler;
    a.sa_flags = 0;
    sigaction(SIGUSR2, &a, NULL);
}

static void by_reading(int fd, int signal, bool whole)
{
    when_asleep(self, "signal %d %d", signal, 64);
    long n = whole ? recv(fd, buffer, 64, MSG_WAITALL) : read(fd, buffer, 64);
    trace(signal == SIGUSR1 ? "read, restart" : "read", n, "sum %u", n > 0 ? sum_of(buffer, (size_t)n) : 0);
    if (tell("sync")[3] == '1')
        game.unread += 64;
    took(n);
}

/* These always end with EINTR, whatever the handler said (signal(7)). */
static void by_waiting(int fd, int signal)
{
    struct pollfd p = {fd, POLLIN, 0};
    struct epoll_event e = {.events = EPOLLIN};
    struct timespec t = {5, 0};
    fd_set r;
    sigset_t none;
    int n, kind = (int)chance(5), set = -1;
    sigemptyset(&none);
    FD_ZERO(&r);
    FD_SET(fd, &r);
    if (kind == 4) {
        set = epoll_create1(0);
        epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    }
    when_asleep(self, "signal %d %d", signal, 64);
    switch (kind) {
    case 0: n = poll(&p, 1, 5000); break;
    case 1: n = ppoll(&p, 1, &t, &none); break;
    case 2: n = select(fd + 1, &r, NULL, NULL, NULL); break;
    case 3: n = pselect(fd + 1, &r, NULL, NULL, &t, &none); break;
    default: n = epoll_pwait(set, &e, 1, 5000, &none); break;
    }
    trace("wait", n, "%d", kind);
    if (set >= 0)
        close(set);
    if (tell("sync")[3] == '1')
        game.unread += 64;
}

void do_signal(void)
{
    int fd = any_fd(), signal = chance(2) ? SIGUSR1 : SIGUSR2;
    if (!would_wait(1) || !peer_may_send(64) || game.nonblocking || game.lowat > 1)
        return;
    if (with_threads) /* see run */
        signal = SIGUSR2;
    settle();
    ran = result = error = 0;
    does = (int)chance(game.write_shut ? 3 : 4);
    if (chance(2))
        by_reading(fd, signal, chance(3) == 0);
    else
        by_waiting(fd, signal);
    if (does == 3 && result > 0)
        gave(result);
    trace("handler", ran, "%d %d %d", (int)does, (int)result, (int)error);
}
