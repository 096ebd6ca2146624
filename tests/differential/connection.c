/* SPDX-License-Identifier: MIT */
/* How a connection begins and ends: what a program may do to the socket before it dials, the request, and
 * that closing the last number is an end for the peer. */
#include "tests/differential/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* In pieces, by calls of several kinds. */
static void send_head(int fd)
{
    static const char head[] =
        "POST /x HTTP/1.1\r\nHost: localhost\r\nX-Canary: canary-of-the-differential\r\n"
        "Content-Length: 4000000000000\r\n\r\n";
    size_t len = sizeof head - 1, at = 0;
    while (at < len) {
        size_t part = 1 + chance((uint32_t)len);
        part = part < len - at ? part : len - at;
        ssize_t n = chance(2) ? send(fd, head + at, part, MSG_NOSIGNAL) : write(fd, head + at, part);
        if (n <= 0) {
            trace("head", -1, " ");
            return;
        }
        at += (size_t)n;
    }
    trace("head", 0, "peer %s", tell("read %zu", len));
}

static void dial(int fd, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = -1;
    socklen_t len = sizeof error;
    bool nonblocking = chance(3) == 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (nonblocking)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    trace("connect", connect(fd, (struct sockaddr *)&to, sizeof to), " ");
    if (!nonblocking)
        return;
    trace("poll", poll(&p, 1, 1000), "%x", (unsigned)p.revents);
    trace("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), "%d", error);
    if (chance(2))
        trace("connect again", connect(fd, (struct sockaddr *)&to, sizeof to), " ");
    fcntl(fd, F_SETFL, 0);
}

/* The three sets and the duplicate: the outer one holds both others. */
static void make_sets(void)
{
    for (int i = 0; i < SETS; i++)
        game.sets[i] = -1;
    for (int i = 0; i < 2; i++)
        game.sets[i] = chance(2) ? epoll_create1(EPOLL_CLOEXEC) : epoll_create(1);
    if (chance(2)) {
        game.sets[OUTER] = epoll_create1(0);
        for (int i = 0; i < 2; i++) {
            struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
            trace("nest", epoll_ctl(game.sets[OUTER], EPOLL_CTL_ADD, game.sets[i], &e), " ");
        }
    }
    if (chance(3) == 0)
        game.sets[TWIN] = dup(game.sets[0]);
}

bool begin(int port)
{
    bool edge = chance(2);
    struct epoll_event early = {.events = EPOLLIN | (edge ? EPOLLET : 0), .data.u64 = 0xfeedULL << 48 | edge};
    memset(&game, 0, sizeof game);
    game.lowat = 1;
    for (int i = 0; i < NUMBERS; i++)
        game.fds[i] = -1;
    make_sets();
    if (pipe2(game.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    int fd = game.fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (chance(3) == 0) {
        trace("add early", epoll_ctl(game.sets[0], EPOLL_CTL_ADD, fd, &early), " ");
        game.edges[0] = edge;
    }
    int fast = chance(20) != 0; /* else Nagle's algorithm makes it wait for delayed acknowledgements */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &fast, sizeof fast);
    if (chance(3) == 0)
        game.fds[1] = dup(fd);
    dial(fd, port);
    tell("accept");
    send_head(fd);
    return true;
}

void end(void)
{
    settle();
    for (int i = 0; i < NUMBERS; i++)
        if (game.fds[i] >= 0)
            trace("close", close(game.fds[i]), " ");
    trace("SIGPIPE", broken_pipes(), " ");
    trace("peer sees", 0, "%s", tell("close"));
    for (int i = 0; i < SETS; i++)
        if (game.sets[i] >= 0)
            close(game.sets[i]);
    close(game.pipe[0]);
    close(game.pipe[1]);
    game.closed = true;
}
