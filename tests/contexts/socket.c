/* SPDX-License-Identifier: MIT */
/* How connections begin and end, and what is asked of them. */
#include "tests/contexts/contexts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOWHERE (-1)

static struct sockaddr_in loopback(unsigned short port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in;
}

SNIPPET_ONCE(socket)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    say("flags %#x %#x", (unsigned)fcntl(fd, F_GETFD), (unsigned)fcntl(fd, F_GETFL));
    close(fd);
    fd = socket(AF_INET6, SOCK_DGRAM, 0);
    say("datagrams %d", fd >= 0);
    close(fd);
    said("family", socket(12345, SOCK_STREAM, 0));
    said("type", socket(AF_UNIX, 77, 0));
    (void)e;
}

SNIPPET(connect)
{
    unsigned short port;
    int l = listener(&port), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = loopback(port);
    const struct sockaddr *to = (const struct sockaddr *)&in;
    said("connect", connect(fd, to, sizeof in));
    said("again", connect(fd, to, sizeof in));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    said("later", connect(fd, to, sizeof in));
    close(fd);
    close(l);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    said("nobody", connect(fd, to, sizeof in));
    said("short", connect(fd, to, 1));
    close(fd);
    said("connected", connect(e->w, to, sizeof in));
    said("nowhere", connect(NOWHERE, to, sizeof in));
}

SNIPPET_ONCE(accept)
{
    unsigned short port;
    int l = listener(&port), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = loopback(port), from = {0};
    socklen_t len = sizeof from;
    if (connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
        said("connect", -1);
    int got = accept(l, (struct sockaddr *)&from, &len);
    say("accept: %d length %u family %d flags %#x", got >= 0, len, from.sin_family,
        (unsigned)fcntl(got, F_GETFD));
    close(got);
    close(fd);
    fcntl(l, F_SETFL, O_NONBLOCK);
    said("no more", accept(l, NULL, NULL));
    close(l);
    said("no listener", accept(e->r, NULL, NULL));
    said("nowhere", accept(NOWHERE, NULL, NULL));
}

SNIPPET_ONCE(accept4)
{
    unsigned short port;
    int l = listener(&port), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = loopback(port);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
        said("connect", -1);
    int got = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    say("accept4: %d flags %#x %#x", got >= 0, (unsigned)fcntl(got, F_GETFD), (unsigned)fcntl(got, F_GETFL));
    close(got);
    close(fd);
    said("flags", accept4(l, NULL, NULL, 0x7fff));
    close(l);
    said("nowhere", accept4(NOWHERE, NULL, NULL, 0));
    (void)e;
}

static void option(const char *call, int result, int value)
{
    said(call, result);
    if (result == 0)
        say("value %d", value);
}

SNIPPET(getsockopt)
{
    int value = -1;
    socklen_t len = sizeof value;
    option("type", getsockopt(e->w, SOL_SOCKET, SO_TYPE, &value, &len), value);
    option("error", getsockopt(e->w, SOL_SOCKET, SO_ERROR, &value, &len), value);
    option("domain", getsockopt(e->w, SOL_SOCKET, SO_DOMAIN, &value, &len), value);
    option("nodelay", getsockopt(e->w, IPPROTO_TCP, TCP_NODELAY, &value, &len), value);
    option("unknown", getsockopt(e->w, SOL_SOCKET, 4711, &value, &len), value);
    option("nowhere", getsockopt(NOWHERE, SOL_SOCKET, SO_TYPE, &value, &len), value);
}

SNIPPET(setsockopt)
{
    int on = 1, value = -1;
    socklen_t len = sizeof value;
    said("nodelay", setsockopt(e->w, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    if (getsockopt(e->w, IPPROTO_TCP, TCP_NODELAY, &value, &len) == 0)
        say("value %d", value);
    said("keepalive", setsockopt(e->w, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    said("short", setsockopt(e->w, SOL_SOCKET, SO_KEEPALIVE, &on, 1));
    said("nowhere", setsockopt(NOWHERE, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
}

static void address(const char *call, int result, const struct sockaddr_storage *at, socklen_t len)
{
    said(call, result);
    if (result == 0)
        say("family %d length %u", at->ss_family, len);
}

SNIPPET(getpeername)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    int result = getpeername(e->w, (struct sockaddr *)&at, &len);
    address("getpeername", result, &at, len);
    len = sizeof at;
    result = getpeername(NOWHERE, (struct sockaddr *)&at, &len);
    address("nowhere", result, &at, len);
}

SNIPPET(getsockname)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    int result = getsockname(e->w, (struct sockaddr *)&at, &len);
    address("getsockname", result, &at, len);
    len = 4;
    result = getsockname(e->w, (struct sockaddr *)&at, &len);
    address("short", result, &at, len);
    result = getsockname(NOWHERE, (struct sockaddr *)&at, &len);
    address("nowhere", result, &at, len);
}

SNIPPET(shutdown)
{
    char byte;
    put(e, HELLO);
    take(e, hello_len);
    said("how", shutdown(e->w, 77));
    int result = shutdown(e->w, SHUT_WR);
    said("shutdown", result);
    if (result == 0) {
        said("end", read(e->r, &byte, 1));
        said("write", write(e->w, HELLO, hello_len));
    }
    said("nowhere", shutdown(NOWHERE, SHUT_RD));
}
