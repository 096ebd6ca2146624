/* SPDX-License-Identifier: MIT */
/* Numbers: closed, duplicated, asked about. */
#include "tests/contexts/contexts.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOWHERE (-1)
#define HIGH    300 /* above what anybody here has open */

/* What is written to the duplicate can be read where it was. */
static void works(int copy, const struct ends *e)
{
    struct ends other = {e->kind, e->r, copy};
    put(&other, HELLO);
    take(e, hello_len);
}

SNIPPET(close)
{
    int copy = dup(e->w);
    said("close", close(copy));
    said("again", close(copy));
    put(e, HELLO);
    take(e, hello_len);
    said("nowhere", close(NOWHERE));
}

SNIPPET(close_range)
{
    dup2(e->w, HIGH);
    dup2(e->w, HIGH + 1);
    said("CLOEXEC", close_range(HIGH, HIGH, CLOSE_RANGE_CLOEXEC));
    said("flag", fcntl(HIGH, F_GETFD));
    works(HIGH, e);
    said("close_range", close_range(HIGH, HIGH + 5, 0));
    said("gone", fcntl(HIGH + 1, F_GETFD));
    said("backwards", close_range(HIGH + 5, HIGH, 0));
    said("flags", close_range(HIGH, HIGH, 0x80));
    works(e->w, e);
}

SNIPPET(closefrom)
{
    dup2(e->w, HIGH);
    dup2(e->r, HIGH + 2);
    closefrom(HIGH);
    said("gone", fcntl(HIGH, F_GETFD));
    said("gone", fcntl(HIGH + 2, F_GETFD));
    works(e->w, e);
}

SNIPPET(dup)
{
    int copy = dup(e->w);
    said("flag", fcntl(copy, F_GETFD));
    works(copy, e);
    close(copy);
    said("nowhere", dup(NOWHERE));
}

SNIPPET(dup2)
{
    said("dup2", dup2(e->w, HIGH));
    said("flag", fcntl(HIGH, F_GETFD));
    works(HIGH, e);
    said("over", dup2(e->r, HIGH));
    said("same", dup2(HIGH, HIGH));
    close(HIGH);
    said("closed", dup2(HIGH, HIGH));
    said("nowhere", dup2(NOWHERE, HIGH));
}

SNIPPET(dup3)
{
    said("dup3", dup3(e->w, HIGH, O_CLOEXEC));
    said("flag", fcntl(HIGH, F_GETFD));
    works(HIGH, e);
    close(HIGH);
    said("same", dup3(e->w, e->w, 0));
    said("flags", dup3(e->w, HIGH, 1));
    said("nowhere", dup3(NOWHERE, HIGH, 0));
}

SNIPPET(fcntl)
{
    int copy = fcntl(e->w, F_DUPFD_CLOEXEC, HIGH);
    said("F_DUPFD_CLOEXEC", copy);
    said("F_GETFD", fcntl(copy, F_GETFD));
    works(copy, e);
    close(copy);
    copy = fcntl(e->w, F_DUPFD, HIGH);
    said("F_DUPFD", copy);
    said("F_GETFD", fcntl(copy, F_GETFD));
    close(copy);
    said("F_GETFL", fcntl(e->w, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
    said("F_SETFL", fcntl(e->w, F_SETFL, O_NONBLOCK));
    said("F_GETFL", fcntl(e->w, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
    said("F_SETFL", fcntl(e->w, F_SETFL, 0));
    said("F_SETFD", fcntl(e->w, F_SETFD, FD_CLOEXEC));
    said("F_GETFD", fcntl(e->w, F_GETFD));
    works(e->w, e);
    said("unknown", fcntl(e->w, 4711));
    said("nowhere", fcntl(NOWHERE, F_GETFD));
}

SNIPPET(ioctl)
{
    int n = -1, on = 1, off = 0;
    put(e, HELLO);
    arrived(e, hello_len);
    said("FIONREAD", ioctl(e->r, FIONREAD, &n));
    say("bytes %d", n);
    take(e, hello_len);
    said("FIONBIO", ioctl(e->r, FIONBIO, &on));
    said("empty", read(e->r, &n, 1));
    said("FIONBIO", ioctl(e->r, FIONBIO, &off));
    said("FIOCLEX", ioctl(e->r, FIOCLEX));
    said("flag", fcntl(e->r, F_GETFD));
    said("unknown", ioctl(e->r, 0x4711, &n));
    said("nowhere", ioctl(NOWHERE, FIONREAD, &n));
}

SNIPPET(syscall)
{
    char buf[32];
    said("SYS_write", syscall(SYS_write, e->w, HELLO, hello_len));
    arrived(e, hello_len);
    said_bytes("SYS_read", syscall(SYS_read, e->r, buf, hello_len), buf);
    long copy = syscall(SYS_dup, e->w);
    said("SYS_write", syscall(SYS_write, copy, HELLO, hello_len));
    take(e, hello_len);
    said("SYS_close", syscall(SYS_close, copy));
    said("SYS_close", syscall(SYS_close, copy));
    say("SYS_getpid %d", syscall(SYS_getpid) == getpid());
    said("nowhere", syscall(SYS_read, NOWHERE, buf, hello_len));
}
