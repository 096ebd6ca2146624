/* SPDX-License-Identifier: MIT */
/*
 * wide PORT CANARY FILE: for a 32-bit machine, compiled with _FILE_OFFSET_BITS=64 and _TIME_BITS=64, where
 * these calls are others than those of their name (shim/syms32.def), and with raw calls that only such a
 * machine has. A request on each way; what each call gives is said, so that it can be compared with plain
 * TCP.
 */
#include <aio.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#if __SIZEOF_POINTER__ == 4
_Static_assert(sizeof(time_t) == 8 && sizeof(off_t) == 8 && sizeof(long) == 4, "for this it is");

static char request[300];
static size_t request_len;
static const char *file_name;
static struct sockaddr_in to = {.sin_family = AF_INET};

static void say(const char *call, long long result)
{
    printf("  %s %lld %s\n", call, result, result < 0 ? strerrorname_np(errno) : "");
}

/* ---- ways to send ---- */

static long by_sendmsg(int fd)
{
    struct iovec iov = {request, request_len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    return sendmsg(fd, &msg, 0);
}

static long by_sendmmsg(int fd)
{
    struct iovec iov[2] = {{request, 10}, {request + 10, request_len - 10}};
    struct mmsghdr vec[2] = {{.msg_hdr = {.msg_iov = &iov[0], .msg_iovlen = 1}},
                             {.msg_hdr = {.msg_iov = &iov[1], .msg_iovlen = 1}}};
    int n = sendmmsg(fd, vec, 2, 0);
    return n == 2 ? (long)(vec[0].msg_len + vec[1].msg_len) : -1;
}

static long by_pwritev2(int fd)
{
    struct iovec iov = {request, request_len};
    say("pwritev2 with an offset", pwritev2(fd, &iov, 1, 1LL << 33, 0));
    return pwritev2(fd, &iov, 1, -1, 0);
}

/* The request as a part of the file that lies beyond 4 GiB. */
static long by_sendfile(int fd)
{
    off_t offset = (1LL << 32) + 17, start = offset;
    int in = open(file_name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    say("pwrite", pwrite(in, request, request_len, offset));
    long n = sendfile(fd, in, &offset, request_len);
    say("offset", offset - start);
    close(in);
    return n;
}

static long by_raw_sendfile(int fd)
{
    off_t offset = 1LL << 32, start = offset;
    int in = open(file_name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    say("pwrite", pwrite(in, request, request_len, offset));
    long n = syscall(SYS_sendfile64, fd, in, &offset, request_len);
    say("offset", offset - start);
    close(in);
    return n;
}

static long by_socketcall(int fd)
{
    long words[] = {fd, (long)request, (long)request_len, 0};
    say("a bad call", syscall(SYS_socketcall, SYS_SEND, 1));
    return syscall(SYS_socketcall, SYS_SEND, words);
}

/* ---- ways to wait ---- */

static long by_ppoll(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct timespec bad = {.tv_nsec = -1}, t = {.tv_sec = 1LL << 40};
    say("a bad time", ppoll(&p, 1, &bad, NULL));
    return ppoll(&p, 1, &t, NULL);
}

static long by_select(int fd)
{
    struct timeval t = {.tv_sec = 5};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    long n = select(fd + 1, &set, NULL, NULL, &t);
    say("time is left", t.tv_sec >= 3 && t.tv_sec <= 5 && t.tv_usec >= 0 && t.tv_usec < 1000000);
    return n + 10 * FD_ISSET(fd, &set);
}

static long by_pselect(int fd)
{
    struct timespec t = {.tv_sec = 5, .tv_nsec = 7};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return pselect(fd + 1, &set, NULL, NULL, &t, NULL);
}

static long by_epoll(int fd)
{
    struct epoll_event e = {.events = EPOLLIN};
    struct timespec bad = {.tv_nsec = 2000000000}, t = {.tv_sec = 5};
    int set = epoll_create1(0);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
    say("a bad time", epoll_pwait2(set, &e, 1, &bad, NULL));
    long n = epoll_pwait2(set, &e, 1, &t, NULL);
    close(set);
    return n;
}

/* ---- ways to receive: all of it ---- */

static char answer[4096];

static long by_recvmsg(int fd, size_t at)
{
    struct iovec iov = {answer + at, sizeof answer - at};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    return recvmsg(fd, &msg, 0);
}

static long by_recvmmsg(int fd, size_t at)
{
    struct iovec iov = {answer + at, sizeof answer - at};
    struct mmsghdr vec = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    struct timespec t = {.tv_sec = 5};
    int n = recvmmsg(fd, &vec, 1, 0, &t);
    return n == 1 ? (long)vec.msg_len : n;
}

static long by_preadv2(int fd, size_t at)
{
    struct iovec iov = {answer + at, sizeof answer - at};
    return preadv2(fd, &iov, 1, -1, 0);
}

static long by_raw_recv(int fd, size_t at)
{
    long words[] = {fd, (long)(answer + at), (long)(sizeof answer - at), 0};
    return syscall(SYS_socketcall, SYS_RECV, words);
}

/* ---- options and flags ---- */

static void options(int fd)
{
    struct timeval patience = {.tv_usec = 20000}, got = {0};
    struct flock lock = {.l_type = F_WRLCK, .l_start = 1LL << 33, .l_len = 5};
    socklen_t len = sizeof got;
    int in = open(file_name, O_RDWR | O_CREAT, 0600), pending = -1;
    char byte;
    say("setsockopt", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    say("getsockopt", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &len));
    say("SO_RCVTIMEO", got.tv_sec == 0 && got.tv_usec >= 20000 && got.tv_usec < 40000 && len == sizeof got);
    say("recv", recv(fd, &byte, 1, 0));
    patience.tv_usec = 0;
    say("setsockopt", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    say("FIONREAD", ioctl(fd, FIONREAD, &pending));
    say("pending", pending);
    say("F_GETFD", fcntl(fd, F_GETFD));
    say("F_SETFD", fcntl(fd, F_SETFD, FD_CLOEXEC));
    say("F_GETFD", fcntl(fd, F_GETFD));
    say("raw F_GETFD", syscall(SYS_fcntl64, fd, F_GETFD, 0));
    say("F_SETLK", fcntl(in, F_SETLK, &lock));
    say("F_OFD_GETLK", fcntl(in, F_OFD_GETLK, &lock));
    say("F_SETLK of a socket", fcntl(fd, F_SETLK, &lock));
    close(in);
}

/* ---- one connection ---- */

static int raw_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    long words[] = {fd, (long)addr, (long)len};
    return (int)syscall(SYS_socketcall, SYS_CONNECT, words);
}

struct way {
    const char *name;
    int (*dial)(int fd, const struct sockaddr *addr, socklen_t len);
    long (*send)(int fd), (*wait)(int fd), (*receive)(int fd, size_t at);
    void (*before)(int fd);
};

static void go(const struct way *way)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t got = 0;
    long n;
    printf("%s\n", way->name);
    say("connect", way->dial(fd, (struct sockaddr *)&to, sizeof to));
    if (way->before)
        way->before(fd);
    say("send", way->send(fd) - (long)request_len);
    say("wait", way->wait(fd));
    while ((n = way->receive(fd, got)) > 0)
        got += (size_t)n;
    say("receive", n);
    fwrite(answer, 1, got, stdout);
    close(fd);
}

int main(int argc, char **argv)
{
    static const struct way ways[] = {
        {"sendmsg, ppoll, recvmsg", connect, by_sendmsg, by_ppoll, by_recvmsg, NULL},
        {"sendmmsg, select, recvmmsg", connect, by_sendmmsg, by_select, by_recvmmsg, NULL},
        {"pwritev2, pselect, preadv2", connect, by_pwritev2, by_pselect, by_preadv2, NULL},
        {"sendfile, epoll_pwait2, recvmsg", connect, by_sendfile, by_epoll, by_recvmsg, NULL},
        {"SYS_socketcall", raw_connect, by_socketcall, by_ppoll, by_raw_recv, NULL},
        {"SYS_sendfile64, SYS_fcntl64", connect, by_raw_sendfile, by_ppoll, by_recvmsg, options},
    };
    if (argc != 4)
        return 2;
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    file_name = argv[3];
    request_len = (size_t)snprintf(request, sizeof request,
                                   "GET /bytes/100 HTTP/1.1\r\nHost: localhost:%s\r\nX-Canary: %s\r\n"
                                   "Connection: close\r\n\r\n",
                                   argv[1], argv[2]);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        go(&ways[i]);
    return 0;
}

#else /* what reads all C files of the tree reads this, too */
int main(void)
{
    return 2;
}
#endif
