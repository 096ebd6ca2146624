/* SPDX-License-Identifier: MIT */
#include "shim/net/sock.h"

#include "shim/conn/socket.h"
#include "shim/real.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define PIDFD_OF_THREAD O_EXCL /* PIDFD_THREAD, since Linux 6.9 */

/* ---- taking it ---- */

void sock_proc_path(char out[64], pid_t pid, const char *file)
{
    char digits[16];
    size_t n = 0, len = 6;
    memcpy(out, "/proc/", len);
    for (unsigned v = (unsigned)pid; v || !n; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n)
        out[len++] = digits[--n];
    memcpy(out + len, file, strlen(file) + 1);
}

pid_t sock_process(pid_t thread)
{
    char path[64], text[512];
    sock_proc_path(path, thread, "/status");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : real.read(fd, text, sizeof text - 1);
    if (fd >= 0)
        real.close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *found = strstr(text, "\nTgid:");
    return found ? (pid_t)strtol(found + 6, NULL, 10) : thread;
}

/* Does the number name the same file for the thread? It may have a table of descriptors of its own. */
static bool thread_has(pid_t thread, int fd, int ours)
{
    char path[64], number[20] = "/fd/", digits[12];
    size_t n = 0, len = 4;
    struct stat theirs, mine;
    for (unsigned v = (unsigned)fd; v || !n; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n)
        number[len++] = digits[--n];
    number[len] = 0;
    sock_proc_path(path, thread, number);
    return fd >= 0 && stat(path, &theirs) == 0 && fstat(ours, &mine) == 0 && theirs.st_ino == mine.st_ino &&
           theirs.st_dev == mine.st_dev;
}

static int take_from(int pidfd, int fd)
{
    int ours = pidfd < 0 ? -1 : (int)real.syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    int error = errno;
    if (pidfd >= 0)
        real.close(pidfd);
    errno = error;
    return ours;
}

int sock_take(pid_t thread, int fd)
{
    int pidfd = (int)real.syscall(SYS_pidfd_open, thread, PIDFD_OF_THREAD);
    if (pidfd >= 0 || errno != EINVAL)
        return take_from(pidfd, fd);
    int ours = take_from((int)real.syscall(SYS_pidfd_open, sock_process(thread), 0), fd);
    if (ours >= 0 && !thread_has(thread, fd, ours)) {
        real.close(ours);
        errno = EPERM;
        return -1;
    }
    return ours;
}

/* ---- what it is ---- */

enum sock_kind sock_kind(int fd)
{
    int type = conn_option(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0) {
        errno = ENOTSOCK;
        return SOCK_OTHER;
    }
    int domain = conn_option(fd, SOL_SOCKET, SO_DOMAIN), protocol = conn_option(fd, SOL_SOCKET, SO_PROTOCOL);
    bool ip = domain == AF_INET || domain == AF_INET6;
    errno = 0;
    if (type != SOCK_STREAM)
        return SOCK_OTHER;
    if (domain == AF_SMC || (ip && protocol == IPPROTO_MPTCP))
        return SOCK_DERIVED;
    return ip && protocol == IPPROTO_TCP ? SOCK_TCP : SOCK_OTHER;
}

int sock_state(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    return real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_state : 0;
}

bool sock_is_blocking(int fd)
{
    return !(real.fcntl(fd, F_GETFL) & O_NONBLOCK);
}

uint64_t sock_send_timeout_ns(int fd)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    if (real.getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len) != 0)
        return 0;
    return (uint64_t)tv.tv_sec * 1000000000ULL + (uint64_t)tv.tv_usec * 1000ULL;
}

/* 0: an older kernel does not tell. */
static uint64_t network_of(int fd)
{
    uint64_t network = 0;
    socklen_t len = sizeof network;
    return real.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &network, &len) == 0 ? network : 0;
}

bool sock_is_of_network(int fd, int other)
{
    return network_of(fd) == network_of(other);
}

bool sock_is_of_our_network(int fd)
{
    static uint64_t own;
    if (!own) {
        int any = real.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        own = network_of(any);
        if (any >= 0)
            real.close(any);
    }
    return network_of(fd) == own; /* where both are 0 and it is another one, dialling fails */
}

bool sock_has_device(int fd)
{
    char name[IFNAMSIZ] = "";
    socklen_t len = sizeof name;
    return real.getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) == 0 && name[0] &&
           strcmp(name, "lo") != 0;
}

/* ---- connecting it ---- */

int sock_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int flags = real.fcntl(fd, F_GETFL);
    bool blocking = !(flags & O_NONBLOCK);
    if (blocking)
        real.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int error = real.connect(fd, addr, len) == 0 ? 0 : errno;
    if (blocking)
        real.fcntl(fd, F_SETFL, flags);
    return error;
}

/* The routes of a socket with a mark or an interface of its own, or of another network, are not ours. */
int sock_unreachable(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (sock_is_blocking(fd) || sock_has_device(fd) || !sock_is_of_our_network(fd) ||
        conn_option(fd, SOL_SOCKET, SO_MARK) > 0)
        return 0;
    int probe = real.socket(addr->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool unreachable = probe >= 0 && real.connect(probe, addr, len) != 0 && errno == ENETUNREACH;
    if (probe >= 0)
        real.close(probe);
    return unreachable ? ENETUNREACH : 0;
}

void sock_dissolve(int fd)
{
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    real.connect(fd, &unspecified, sizeof unspecified);
}
