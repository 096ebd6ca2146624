/* SPDX-License-Identifier: MIT */
/* Numbers: the dup family, onto others and onto each other, and closing by number and by range. */
#include "tests/differential/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void duplicate(int slot)
{
    static const char *const names[] = {"dup",         "dup2",     "dup3", "F_DUPFD", "F_DUPFD_CLOEXEC",
                                        "syscall dup", "dup2 over"};
    int from = any_fd(), how = (int)chance(7), to = 50 + slot, n, other;
    bool takes = how == 1 || how == 2 || how == 6;
    if (game.fds[slot] >= 0 && !takes) {
        trace("nothing", 0, " ");
        return;
    }
    switch (how) {
    case 0: n = dup(from); break;
    case 1: n = dup2(from, game.fds[slot] >= 0 ? game.fds[slot] : to); break;
    case 2: n = dup3(from, game.fds[slot] >= 0 ? game.fds[slot] : to, O_CLOEXEC); break;
    case 3: n = fcntl(from, F_DUPFD, 60); break;
    case 4: n = fcntl(from, F_DUPFD_CLOEXEC, 60); break;
    case 5: n = (int)syscall(SYS_dup, from); break;
    default: /* onto a number of something else */
        other = game.fds[slot] >= 0 ? game.fds[slot] : dup2(game.pipe[0], to);
        n = dup2(from, other);
        break;
    }
    trace(names[how], n < 0 && errno != EINVAL ? -1 : 0, " ");
    if (n >= 0) {
        trace("getfd", fcntl(n, F_GETFD), " ");
        game.fds[slot] = n;
    }
}

static void lose(int slot)
{
    int fd = game.fds[slot];
    switch (chance(5)) {
    case 0: trace("close", close(fd), " "); break;
    case 1: trace("close_range", close_range((unsigned)fd, (unsigned)fd, 0), " "); break;
    case 2: trace("syscall close", syscall(SYS_close, fd), " "); break;
    case 3: /* something else takes its number, and goes */
        trace("dup2 pipe", dup2(game.pipe[1], fd) >= 0, " ");
        trace("getpeername", getpeername(fd, NULL, NULL), " ");
        close(fd);
        break;
    default: /* a new socket takes it */
    {
        int fresh = socket(AF_INET, SOCK_STREAM, 0);
        trace("dup2 socket", dup2(fresh, fd) >= 0, " ");
        trace("send on it", send(fd, "x", 1, MSG_NOSIGNAL), " ");
        close(fresh);
        close(fd);
    }
    }
    game.fds[slot] = -1;
}

static void badly(int fd)
{
    switch (chance(4)) {
    case 0: trace("dup2 self", dup2(fd, fd) == fd, " "); break;
    case 1: trace("dup3 self", dup3(fd, fd, 0), " "); break;
    case 2: trace("dup2 far", dup2(fd, 1 << 30), " "); break;
    default: trace("dup2 -1", dup2(fd, -1), " "); break;
    }
}

void do_number(void)
{
    int slot = (int)chance(NUMBERS);
    if (chance(10) == 0)
        badly(any_fd());
    if (chance(3) == 0 && game.fds[slot] >= 0 && count_fds() > 1)
        lose(slot);
    else
        duplicate(slot);
}
