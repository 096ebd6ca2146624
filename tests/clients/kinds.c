/* SPDX-License-Identifier: MIT */
/* Sockets of other kinds than the plain one, past libc; ways of bypass.c. */
#include "tests/clients/bypass.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two connections: the second goes to where the first one seems to be, with the words of the first. */
long kinds_peer(void)
{
    int fd = new_socket(0), other = new_socket(0);
    long r = dial(fd);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    getpeername(fd, (struct sockaddr *)&peer, &len);
    to.addr = peer;
    printf("%s, its peer %s\n", name_of(r), name_of(dial(other)));
    fflush(stdout);
    return talk(fd);
}

/* ---- sockets that have no way to the loopback of their supervisor ---- */

static int fault(const char *what, int error)
{
    printf("%s: %s\n", what, strerrorname_np(error));
    fflush(stdout);
    return 1;
}

/* What the program has on the number, before and after. */
static void tell(int fd)
{
    int on = -1;
    socklen_t len = sizeof on;
    getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
    printf("cloexec %d nonblock %d keepalive %d\n", (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
           (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, on);
    fflush(stdout);
}

static long converse(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    tell(fd);
    long r = dial(fd);
    if (r == -EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        poll(&p, 1, 5000);
        r = 0;
    }
    if (r < 0)
        return fault("connect", (int)-r);
    tell(fd);
    fcntl(fd, F_SETFL, 0);
    return talk(fd);
}

long kinds_flags(void)
{
    return converse(new_socket(0));
}

long kinds_flags_nonblocking(void)
{
    return converse(new_socket(SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/* A copy of the number is the same connection. */
long kinds_numbers(void)
{
    int fd = new_socket(SOCK_CLOEXEC), other = fcntl(fd, F_DUPFD, 100);
    long r = dial(fd);
    if (r < 0)
        return fault("connect", (int)-r);
    tell(fd);
    tell(other);
    return talk(other);
}

/* It stands in an epoll set before it is connected. */
long kinds_watched(void)
{
    int fd = new_socket(SOCK_NONBLOCK), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLOUT | EPOLLIN, .data.u64 = 4711};
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    long r = dial(fd);
    if (r < 0 && r != -EINPROGRESS)
        return fault("connect", (int)-r);
    e = (struct epoll_event){0};
    epoll_wait(set, &e, 1, 2000);
    printf("out %d data %d\n", (e.events & EPOLLOUT) != 0, (int)e.data.u64);
    e.events = EPOLLIN; /* the number is known there */
    if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &e) != 0)
        return fault("EPOLL_CTL_MOD", errno);
    fflush(stdout);
    fcntl(fd, F_SETFL, 0);
    return talk(fd);
}

long kinds_mptcp(void)
{
    return converse((int)raw(SYS_socket, to.addr.ss_family, SOCK_STREAM, 262, 0, 0, 0));
}

/* In a network of its own, which has nothing but a loopback. */
long kinds_network(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int before = new_socket(0);
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return fault("unshare", errno);
    int fd = new_socket(0);
    ioctl(fd, SIOCSIFFLAGS, &lo);
    if (getenv("OUTER")) /* one that was made outside goes there still */
        return converse(before);
    return converse(fd);
}

/* Made in a network that this process has left again. */
long kinds_network_left(void)
{
    int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (unshare(CLONE_NEWNET) != 0)
        return fault("unshare", errno);
    int fd = new_socket(0);
    if (setns(back, CLONE_NEWNET) != 0)
        return fault("setns", errno);
    return converse(fd);
}

/* ---- what a socket says of its ends ---- */

static void tell_end(const char *what, int (*ask)(int, struct sockaddr *, socklen_t *), int fd)
{
    struct sockaddr_storage end = {0};
    struct sockaddr_in in;
    socklen_t len = sizeof end;
    int r = ask(fd, (struct sockaddr *)&end, &len);
    memcpy(&in, &end, sizeof in);
    printf("%s %d family %d len %u port %s", what, r, end.ss_family, len,
           in.sin_port == ((struct sockaddr_in *)&to.addr)->sin_port ? "asked for" : "another");
    printf(" %s\n", inet_ntoa(in.sin_addr));
}

/* Connected past libc, asked by it. */
long kinds_ends(void)
{
    char part[4] = {0};
    socklen_t len = sizeof part;
    int fd = new_socket(0);
    long r = dial(fd);
    if (r < 0)
        return fault("connect", (int)-r);
    tell_end("peer", getpeername, fd);
    tell_end("own", getsockname, fd);
    /* as the kernel: as much as there is room for, and how much it is */
    int cut = getpeername(fd, (struct sockaddr *)part, &len);
    printf("cut %d len %u port %s", cut, len,
           memcmp(part, &to.addr, sizeof part) == 0 ? "asked for" : "another");
    len = (socklen_t)-1;
    printf(" negative %s", name_of(getpeername(fd, (struct sockaddr *)part, &len) == 0 ? 0 : -errno));
    printf(" fault %s\n", name_of(getpeername(fd, (struct sockaddr *)8, (socklen_t *)8) == 0 ? 0 : -errno));
    fflush(stdout);
    return talk(fd);
}

/* ---- a register that is left as it was ---- */

/* As libc's own wrappers make a call of three arguments: the registers of others keep what they had. */
__attribute__((noinline)) static long raw3(long n, long a, long b, long c)
{
#if defined(__x86_64__)
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = n;
    register long r __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(r) : "r"(x8), "r"(x1), "r"(x2) : "memory");
#endif
    return r;
}

/* Right after one that the shim has made. */
long kinds_after(void)
{
    int first = socket(to.addr.ss_family, SOCK_DGRAM, 0), second = new_socket(0);
    long r = connect(first, (struct sockaddr *)&to.addr, to.len);
    long other = raw3(SYS_connect, second, (long)&to.addr, to.len);
    if (r < 0 || other < 0)
        return fault("connect", r < 0 ? errno : (int)-other);
    return talk(second);
}
