/* SPDX-License-Identifier: MIT */
/* Options, flags and questions. */
#include "tests/differential/driver.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void flags(int fd)
{
    int on = (int)chance(2);
    switch (chance(4)) {
    case 0:
        trace("O_NONBLOCK", fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0), " ");
        game.nonblocking = on;
        break;
    case 1:
        trace("FIONBIO", ioctl(fd, FIONBIO, &on), " ");
        game.nonblocking = on;
        break;
    case 2: trace("getfl", fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), " "); break;
    default:
        trace("setfd", fcntl(fd, F_SETFD, FD_CLOEXEC), " ");
        trace("getfd", fcntl(fd, F_GETFD), " ");
        break;
    }
}

static void lowat(int fd)
{
    int value = 1, wants = chance(3) ? 1 : (int)chance(1000);
    socklen_t len = sizeof value;
    trace("SO_RCVLOWAT", setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wants, sizeof wants), "%d", wants);
    trace("lowat", getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, &len), "%d", value);
    game.lowat = wants ? wants : 1;
    if (wants > 1) /* the set that holds them is the kernel's, which does not know (see run) */
        game.edges[0] = game.edges[1] = true;
}

static void linger(int fd)
{
    struct linger l = {(int)chance(2), 1}, got = {0};
    socklen_t len = sizeof got;
    trace("SO_LINGER", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), " ");
    trace("linger", getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len), "%d", got.l_onoff);
}

/* What needs the bytes themselves is refused (DESIGN section 8); what is answered must not depend on us. */
static void rare(int fd)
{
    int value = -1, one = 1;
    socklen_t len = sizeof value;
    switch (chance(7)) {
    case 0: trace("SO_TYPE", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len), "%d", value); break;
    case 1: trace("SO_DOMAIN", getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len), "%d", value); break;
    case 2: trace("KEEPALIVE", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one), " "); break;
    case 3: trace("short option", setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, 1), " "); break;
    case 4: trace("option nowhere", setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, nowhere(), 4), " "); break;
    case 5: trace("SO_SNDLOWAT", setsockopt(fd, SOL_SOCKET, SO_SNDLOWAT, &one, sizeof one), " "); break;
    default:
        len = 1;
        trace("short answer", getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, &len), "%d %u", value & 255,
              len);
        break;
    }
}

static void names(int fd)
{
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    if (game.write_shut && game.peer_ended) /* until when is a matter of the last acknowledgement */
        return;
    if (chance(2)) {
        trace("getpeername", getpeername(fd, (struct sockaddr *)&in, &len), "%u", len);
        return;
    }
    trace("getsockname", getsockname(fd, (struct sockaddr *)&in, &len), "%u", len);
}

void do_option(void)
{
    int fd = any_fd(), value = -1, on = (int)chance(2);
    socklen_t len = sizeof value;
    switch (chance(8)) {
    case 0:
        ioctl(fd, FIONREAD, &value);
        trace("FIONREAD", value > 0, " ");
        break;
    case 1:
        trace("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len), "%d", value);
        game.told = game.told || value > 0;
        break;
    case 2:
        trace("NODELAY", setsockopt(fd, IPPROTO_TCP, chance(2) ? TCP_NODELAY : TCP_CORK, &on, sizeof on),
              " ");
        on = 0; /* back to what costs no time */
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        break;
    case 3: lowat(fd); break;
    case 4: linger(fd); break;
    case 5: names(fd); break;
    case 6: rare(fd); break;
    default: flags(fd); break;
    }
}
