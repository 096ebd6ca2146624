/* SPDX-License-Identifier: MIT */
#include "shim/net/wire.h"

#include "shim/conn/socket.h"
#include "shim/net/near.h"
#include "shim/net/pass.h"
#include "shim/net/sock.h"
#include "shim/real.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 2000

static void drop(int *fd)
{
    int error = errno;
    if (*fd >= 0)
        real.close(*fd);
    *fd = -1;
    errno = error;
}

static int make(int domain, int protocol)
{
    return real.socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

/* ---- in another network ---- */

/* The child: goes there, by way of the user namespace that owns it where it has to, and sends a socket. */
__attribute__((noreturn)) static void go_and_make(int line, pid_t thread, int domain, int protocol)
{
    int there = (int)real.syscall(SYS_pidfd_open, sock_process(thread), 0);
    if (real.setns(there, CLONE_NEWNET) != 0 && real.setns(there, CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        pass_send(line, -1, errno);
        _exit(1);
    }
    int fd = make(domain, protocol);
    pass_send(line, fd, fd < 0 ? errno : 0);
    _exit(0);
}

static int make_there(pid_t thread, int domain, int protocol)
{
    int ends[2], error = ETIMEDOUT, fd = -1;
    if (real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    pid_t pid = fork(); /* which is reaped as every child */
    if (pid == 0)
        go_and_make(ends[1], thread, domain, protocol);
    real.close(ends[1]);
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    if (pid > 0 && real.poll(&p, 1, PATIENCE_MS) > 0)
        fd = pass_receive(ends[0], &error);
    real.close(ends[0]);
    errno = error;
    return fd;
}

/* ---- the way that it goes ---- */

static bool copy_device(int from, int to)
{
    char name[IFNAMSIZ] = "";
    socklen_t len = sizeof name;
    if (real.getsockopt(from, SOL_SOCKET, SO_BINDTODEVICE, name, &len) != 0 || !name[0])
        return true;
    return real.setsockopt(to, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strnlen(name, sizeof name)) == 0;
}

static bool copy_mark(int from, int to)
{
    int mark = conn_option(from, SOL_SOCKET, SO_MARK);
    return mark <= 0 || real.setsockopt(to, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
}

static bool copy_address(int from, int to)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    int on = 1;
    if (real.getsockname(from, (struct sockaddr *)&local, &len) != 0)
        return false;
    if (!near_is_bound(&local))
        return true;
    near_put_port(&local, 0);
    real.setsockopt(to, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return real.bind(to, (struct sockaddr *)&local, len) == 0;
}

int wire_like(int sock, pid_t thread, const char **why)
{
    int domain = conn_option(sock, SOL_SOCKET, SO_DOMAIN),
        protocol = conn_option(sock, SOL_SOCKET, SO_PROTOCOL);
    bool here = sock_is_of_our_network(sock);
    int wire = here ? make(domain, protocol) : make_there(thread, domain, protocol);
    if (!here && (wire < 0 || !sock_is_of_network(wire, sock))) {
        *why = "its socket is of another network namespace, where no other can be made";
        drop(&wire);
    } else if (wire >= 0 && !copy_mark(sock, wire)) {
        *why = "its socket has a mark (SO_MARK), which a relay may not set";
        drop(&wire);
    } else if (wire >= 0 && !copy_device(sock, wire)) {
        *why = "its socket is bound to a network interface (SO_BINDTODEVICE), to which a relay may not bind";
        drop(&wire);
    } else if (wire >= 0 && !copy_address(sock, wire)) {
        drop(&wire);
    }
    return wire;
}
