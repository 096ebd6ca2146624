/* SPDX-License-Identifier: MIT */
/* Past libc's functions. */
#include "tests/matrix/programs/styles.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef WITH_URING
#include <liburing.h>
#endif

void style_by_syscall(void)
{
    int s = (int)syscall(SYS_socket, (int)to.ss_family, SOCK_STREAM, 0);
    long n;
    if (syscall(SYS_connect, s, &to, to_len) != 0 || syscall(SYS_write, s, request, request_len) < 0)
        die("syscall");
    while ((n = syscall(SYS_read, s, buf, sizeof buf)) > 0)
        sink(buf, (size_t)n);
}

#if defined(__x86_64__) || defined(__aarch64__)
static long raw(long number, long a, long b, long c)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#endif
}

void style_by_instruction(void)
{
    int s = (int)raw(SYS_socket, to.ss_family, SOCK_STREAM, 0);
    long n;
    if (raw(SYS_connect, s, (long)&to, to_len) != 0 ||
        raw(SYS_write, s, (long)request, (long)request_len) < 0)
        die("instruction");
    while ((n = raw(SYS_read, s, (long)buf, sizeof buf)) > 0)
        sink(buf, (size_t)n);
}
#endif

#ifdef WITH_URING
static long submit(struct io_uring *ring)
{
    struct io_uring_cqe *done;
    io_uring_submit(ring);
    if (io_uring_wait_cqe(ring, &done) != 0)
        die("io_uring");
    long result = done->res;
    io_uring_cqe_seen(ring, done);
    return result;
}

static bool make_ring(struct io_uring *ring)
{
    errno = -io_uring_queue_init(8, ring, 0);
    return errno == 0;
}

static void converse(struct io_uring *ring, int s)
{
    io_uring_prep_send(io_uring_get_sqe(ring), s, request, request_len, 0);
    long n = submit(ring);
    while (n > 0) {
        io_uring_prep_recv(io_uring_get_sqe(ring), s, buf, sizeof buf, 0);
        n = submit(ring);
        if (n > 0)
            sink(buf, (size_t)n);
    }
}

void style_by_uring(void)
{
    int s = dial(0);
    struct io_uring ring;
    if (!make_ring(&ring))
        die("io_uring");
    converse(&ring, s);
}

/* Does without a ring where the kernel has none. */
void style_by_uring_or_not(void)
{
    int s = dial(0);
    struct io_uring ring;
    if (make_ring(&ring)) {
        converse(&ring, s);
    } else {
        ask(s);
        drain(s);
    }
}
#endif
