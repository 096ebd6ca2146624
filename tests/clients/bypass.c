/* SPDX-License-Identifier: MIT */
/*
 * Ways past a preload: bypass HOW ADDRESS PORT. Connects in that way, sends $REQUEST, and prints what comes;
 * or prints "HOW: ERRNO" and ends with 1. Nothing that connects or sends goes through libc.
 */
#include "tests/clients/bypass.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct to to;
static char **words;

/* ---- the instructions ---- */

long raw(long n, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long r;
    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = n;
    register long r __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(r) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
#endif
    return r;
}

/* The 32-bit door of a 64-bit process; memory must be below 4 GiB. */
static long old(long n, long a, long b, long c)
{
#if defined(__x86_64__)
    long r;
    __asm__ volatile("int $0x80"
                     : "=a"(r)
                     : "a"(n), "b"(a), "c"(b), "d"(c)
                     : "r8", "r9", "r10", "r11", "memory");
    return (int)r;
#else
    (void)n, (void)a, (void)b, (void)c;
    return -ENOSYS;
#endif
}

static void *low(size_t len)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_32BIT
    flags |= MAP_32BIT;
#endif
    return mmap(NULL, len, PROT_READ | PROT_WRITE, flags, -1, 0);
}

/* ---- small things ---- */

static long failed(const char *what, long r)
{
    printf("%s: %s\n", what, r < 0 ? strerrorname_np((int)-r) : "no error");
    fflush(stdout);
    return 1;
}

long dial(int fd)
{
    return raw(SYS_connect, fd, (long)&to.addr, to.len, 0, 0, 0);
}

int new_socket(int flags)
{
    int fd = (int)raw(SYS_socket, to.addr.ss_family, SOCK_STREAM | flags, 0, 0, 0, 0);
    const char *device = getenv("DEVICE");
    if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) != 0)
        perror("SO_BINDTODEVICE");
    return fd;
}

const char *the_request(void)
{
    const char *request = getenv("REQUEST");
    return request ? request : "";
}

/* The request and its answer, by the bare calls. */
long talk(int fd)
{
    const char *request = the_request();
    char buf[4096];
    long n, at = 0, len = (long)strlen(request);
    while (at < len) {
        n = raw(SYS_write, fd, (long)(request + at), len - at, 0, 0, 0);
        if (n < 0)
            return failed("write", n);
        at += n;
    }
    while ((n = raw(SYS_read, fd, (long)buf, sizeof buf, 0, 0, 0)) > 0)
        raw(SYS_write, 1, (long)buf, n, 0, 0, 0);
    return n < 0 ? failed("read", n) : 0;
}

static long go(int fd, long r)
{
    return r < 0 ? failed("connect", r) : talk(fd);
}

/* ---- the ways ---- */

static long by_instruction(void)
{
    int fd = new_socket(0);
    return go(fd, dial(fd));
}

static long by_int80(void)
{
    struct sockaddr_storage *addr = low(4096);
    int fd = new_socket(0);
    *addr = to.addr;
    return go(fd, old(362, fd, (long)addr, to.len));
}

static long by_socketcall(void)
{
    struct {
        unsigned a[3];
        struct sockaddr_storage addr;
    } *m = low(4096);
    int fd = new_socket(0);
    m->addr = to.addr;
    m->a[0] = (unsigned)fd;
    m->a[1] = (unsigned)(unsigned long)&m->addr;
    m->a[2] = to.len;
    return go(fd, old(102, 3, (long)m->a, 0));
}

static long by_socketcall_fastopen(void)
{
    struct {
        unsigned a[6];
        struct sockaddr_storage addr;
        char request[2048];
    } *m = low(4096);
    const char *request = the_request();
    int fd = new_socket(0);
    m->addr = to.addr;
    snprintf(m->request, sizeof m->request, "%s", request);
    unsigned a[6] = {(unsigned)fd, (unsigned)(unsigned long)m->request, (unsigned)strlen(m->request),
                     MSG_FASTOPEN, (unsigned)(unsigned long)&m->addr,   to.len};
    memcpy(m->a, a, sizeof a);
    long r = old(102, 11, (long)m->a, 0);
    return r < 0 ? failed("socketcall", r) : talk(fd);
}

static long by_x32(void)
{
    int fd = new_socket(0);
    return go(fd, raw(SYS_connect | 0x40000000, fd, (long)&to.addr, to.len, 0, 0, 0));
}

/* MSG_FASTOPEN by x32. */
static long by_x32_fastopen(void)
{
    int fd = new_socket(0);
    const char *request = the_request();
    long r = raw(SYS_sendto | 0x40000000, fd, (long)request, (long)strlen(request), MSG_FASTOPEN,
                 (long)&to.addr, to.len);
    return r < 0 ? failed("sendto", r) : talk(fd);
}

static void say(const char *what, long r)
{
    printf("%s %s\n", what, name_of(r));
}

/* What of x32 is for no governed destination. */
static long by_x32_others(void)
{
    int tcp = new_socket(0), udp = (int)raw(SYS_socket, to.addr.ss_family, SOCK_DGRAM, 0, 0, 0, 0);
    say("getppid", raw(SYS_getppid | 0x40000000, 0, 0, 0, 0, 0, 0));
    say("send", raw(SYS_sendto | 0x40000000, tcp, (long)"", 1, 0, (long)&to.addr, to.len));
    say("udp", raw(SYS_connect | 0x40000000, udp, (long)&to.addr, to.len, 0, 0, 0));
    say("file", raw(SYS_connect | 0x40000000, 0, (long)&to.addr, to.len, 0, 0, 0));
    return 0;
}

static long by_ring(void)
{
    char params[256] = {0};
    long r = raw(425, 4, (long)params, 0, 0, 0, 0);
    return r < 0 ? failed("io_uring_setup", r) : failed("a ring was made", 0);
}

/* Twice: the second is no news. */
static long by_rings(void)
{
    by_ring();
    return by_ring();
}

static long by_fastopen(void)
{
    int fd = new_socket(0);
    const char *request = the_request();
    long r = raw(SYS_sendto, fd, (long)request, (long)strlen(request), MSG_FASTOPEN, (long)&to.addr, to.len);
    return r < 0 ? failed("sendto", r) : talk(fd);
}

static struct msghdr message(struct iovec *iov)
{
    iov->iov_base = (void *)the_request();
    iov->iov_len = strlen(the_request());
    return (struct msghdr){.msg_name = &to.addr, .msg_namelen = to.len, .msg_iov = iov, .msg_iovlen = 1};
}

static long by_fastopen_message(void)
{
    int fd = new_socket(0);
    struct iovec iov;
    struct msghdr m = message(&iov);
    long r = raw(SYS_sendmsg, fd, (long)&m, MSG_FASTOPEN, 0, 0, 0);
    return r < 0 ? failed("sendmsg", r) : talk(fd);
}

static long by_fastopen_messages(void)
{
    int fd = new_socket(0);
    struct iovec iov;
    struct mmsghdr m = {.msg_hdr = message(&iov)};
    long r = raw(SYS_sendmmsg, fd, (long)&m, 1, MSG_FASTOPEN, 0, 0);
    return r < 0 ? failed("sendmmsg", r) : talk(fd);
}

static long by_deferred(void)
{
    int fd = new_socket(0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
    return go(fd, dial(fd));
}

/* A send with another address than connect() was given: TCP ignores it. */
static long by_other_address(void)
{
    int fd = new_socket(0);
    long r = dial(fd);
    struct iovec iov;
    struct msghdr m = message(&iov);
    if (r < 0)
        return failed("connect", r);
    r = raw(SYS_sendmsg, fd, (long)&m, 0, 0, 0, 0);
    setenv("REQUEST", "", 1);
    return r < 0 ? failed("sendmsg", r) : talk(fd);
}

static long by_clone(void)
{
    long pid = raw(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    int status = 0;
    if (pid == 0)
        _exit((int)by_instruction());
    waitpid((pid_t)pid, &status, 0);
    return WEXITSTATUS(status);
}

static long by_vfork(void)
{
    char *argv[] = {words[0], "raw", words[2], words[3], NULL};
    int status = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        raw(SYS_execve, (long)words[0], (long)argv, (long)environ, 0, 0, 0);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static long by_empty_environment(void)
{
    char *argv[] = {words[0], "raw", words[2], words[3], getenv("REQUEST"), NULL}, *none[] = {NULL};
    raw(SYS_execve, (long)words[0], (long)argv, (long)none, 0, 0, 0);
    return failed("execve", 0);
}

/* Connected here, used by another program. */
static long by_inheritance(void)
{
    char number[16], *argv[] = {words[0], "use", words[2], number, getenv("REQUEST"), NULL};
    int fd = new_socket(0);
    long r = dial(fd);
    if (r < 0)
        return failed("connect", r);
    snprintf(number, sizeof number, "%d", fd);
    raw(SYS_execve, (long)words[0], (long)argv, (long)environ, 0, 0, 0);
    return failed("execve", 0);
}

static long use(void)
{
    return talk(atoi(words[3]));
}

/* A copy of the number that was made before. */
static long by_duplicate(void)
{
    int fd = new_socket(0), other = dup(fd);
    return go(other, dial(fd));
}

static long forbid(void)
{
    return calm_forbid(words);
}

static const struct {
    const char *name;
    long (*run)(void);
} ways[] = {
    {"raw", by_instruction},
    {"int80", by_int80},
    {"socketcall", by_socketcall},
    {"socketcall-fastopen", by_socketcall_fastopen},
    {"x32", by_x32},
    {"x32-fastopen", by_x32_fastopen},
    {"x32-others", by_x32_others},
    {"ring", by_ring},
    {"rings", by_rings},
    {"fastopen", by_fastopen},
    {"fastopen-message", by_fastopen_message},
    {"fastopen-messages", by_fastopen_messages},
    {"deferred", by_deferred},
    {"other-address", by_other_address},
    {"clone", by_clone},
    {"vfork", by_vfork},
    {"empty-environment", by_empty_environment},
    {"inherit", by_inheritance},
    {"use", use},
    {"duplicate", by_duplicate},
    {"nonblocking", calm_nonblocking},
    {"again", calm_again},
    {"interrupted", calm_interrupted},
    {"restarted", calm_restarted},
    {"timeout", calm_timeout},
    {"bound", calm_bound},
    {"redial", calm_redial},
    {"threads", calm_threads},
    {"many", calm_many},
    {"race", calm_race},
    {"others", calm_others},
    {"forbid", forbid},
    {"peer", kinds_peer},
    {"after", kinds_after},
    {"ends", kinds_ends},
    {"flags", kinds_flags},
    {"flags-nonblocking", kinds_flags_nonblocking},
    {"numbers", kinds_numbers},
    {"watched", kinds_watched},
    {"mptcp", kinds_mptcp},
    {"network", kinds_network},
    {"network-left", kinds_network_left},
};

static void put_address(const char *address, const char *port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&to.addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to.addr;
    in->sin_port = htons((unsigned short)atoi(port)); /* at the same place in both */
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        to.len = sizeof *in;
    } else {
        inet_pton(AF_INET6, address, &in6->sin6_addr);
        in6->sin6_family = AF_INET6;
        to.len = sizeof *in6;
    }
}

int main(int argc, char **argv)
{
    words = argv;
    if (argc < 4)
        return 2;
    if (argc > 4 && !getenv("REQUEST"))
        setenv("REQUEST", argv[4], 1);
    put_address(argv[2], argv[3]);
    to.other_port = argc > 4 ? (unsigned short)atoi(argv[4]) : 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, argv[1]) == 0)
            return (int)ways[i].run();
    return 2;
}
