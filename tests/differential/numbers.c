/* SPDX-License-Identifier: MIT */
/* Duplicates, options, and the ends of a connection. */
#include "tests/differential/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int count(void)
{
    int n = 0;
    for (int i = 0; i < NUMBERS; i++)
        n += game.fds[i] >= 0;
    return n;
}

static void duplicate(int slot)
{
    static const char *const names[] = {"dup", "dup2", "dup3", "F_DUPFD", "F_DUPFD_CLOEXEC"};
    int from = any_fd(), how = (int)chance(5), to = 50 + slot, n;
    if (game.fds[slot] >= 0 && (how == 0 || how > 2)) {
        trace("nothing", 0, " ");
        return;
    }
    switch (how) {
    case 0: n = dup(from); break;
    case 1: n = dup2(from, game.fds[slot] >= 0 ? game.fds[slot] : to); break;
    case 2: n = dup3(from, game.fds[slot] >= 0 ? game.fds[slot] : to, O_CLOEXEC); break;
    case 3: n = fcntl(from, F_DUPFD, 60); break;
    default: n = fcntl(from, F_DUPFD_CLOEXEC, 60); break;
    }
    trace(names[how], n < 0 && errno != EINVAL ? -1 : 0, " ");
    if (n >= 0) {
        trace("getfd", fcntl(n, F_GETFD), " ");
        game.fds[slot] = n;
    }
}

void do_number(void)
{
    int slot = (int)chance(NUMBERS);
    bool closes = chance(3) == 0;
    if (closes && game.fds[slot] >= 0 && count() > 1) {
        bool range = chance(2);
        trace("close",
              range ? close_range((unsigned)game.fds[slot], (unsigned)game.fds[slot], 0)
                    : close(game.fds[slot]),
              " ");
        game.fds[slot] = -1;
        return;
    }
    duplicate(slot);
}

void do_option(void)
{
    int fd = any_fd(), value = -1, on = (int)chance(2);
    socklen_t len = sizeof value;
    switch (chance(7)) {
    case 0:
        ioctl(fd, FIONREAD, &value);
        trace("FIONREAD", value > 0, " ");
        break;
    case 1: trace("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len), "%d", value); break;
    case 2:
        trace("O_NONBLOCK", fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0), " ");
        game.nonblocking = on;
        break;
    case 3:
        trace("FIONBIO", ioctl(fd, FIONBIO, &on), " ");
        game.nonblocking = on;
        break;
    case 4: trace("NODELAY", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), " "); break;
    case 5:
        trace("getfl", fcntl(fd, F_GETFL) & O_NONBLOCK, " ");
        trace("setfd", fcntl(fd, F_SETFD, FD_CLOEXEC), " ");
        trace("getfd", fcntl(fd, F_GETFD), " ");
        break;
    default: {
        struct sockaddr_in in;
        len = sizeof in;
        trace("getpeername", getpeername(fd, (struct sockaddr *)&in, &len), " ");
        break;
    }
    }
}

/* ---- ends ---- */

void do_end(void)
{
    static const char *const names[] = {"shutdown rd", "shutdown wr", "shutdown rdwr"};
    int fd = any_fd(), how = (int)chance(3), what = (int)chance(12);
    if (what < 3 && !game.peer_ended && !game.reset) {
        tell("fin");
        game.peer_ended = true;
        trace("peer fin", 0, " ");
    } else if (what == 3 && !game.reset && getenv("RESETS")) {
        tell("reset");
        game.reset = game.peer_ended = true;
        trace("peer reset", 0, " ");
    } else if (what < 6) {
        trace(names[how], shutdown(fd, how), " ");
        game.read_shut = game.read_shut || how != SHUT_WR;
        game.write_shut = game.write_shut || how != SHUT_RD;
    }
}
