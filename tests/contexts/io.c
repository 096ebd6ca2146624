/* SPDX-License-Identifier: MIT */
/* Bytes out and in. */
#include "tests/contexts/contexts.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define NOWHERE (-1)
static const void *const bad = (void *)8;
static volatile int too_many = 100000, negative = -1; /* the compiler would say what is wrong with them */

static void vector(struct iovec v[2], char *at)
{
    v[0] = (struct iovec){at, 2};
    v[1] = (struct iovec){at + 2, hello_len - 2};
}

/* What came to a socket call, and to one that is no socket's. */
static void passed(const char *call, long result, const struct ends *e)
{
    said(call, result);
    if (result > 0)
        take(e, hello_len);
}

SNIPPET(send)
{
    passed("send", send(e->w, HELLO, hello_len, MSG_NOSIGNAL), e);
    said("nowhere", send(NOWHERE, HELLO, hello_len, 0));
    said("bad", send(e->w, bad, hello_len, MSG_NOSIGNAL));
    passed("again", send(e->w, HELLO, hello_len, MSG_DONTWAIT), e);
}

SNIPPET(sendto)
{
    passed("sendto", sendto(e->w, HELLO, hello_len, 0, NULL, 0), e);
    said("nowhere", sendto(NOWHERE, HELLO, hello_len, 0, NULL, 0));
}

SNIPPET(sendmsg)
{
    char text[] = HELLO;
    struct iovec v[2];
    vector(v, text);
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    passed("sendmsg", sendmsg(e->w, &m, MSG_NOSIGNAL), e);
    said("nowhere", sendmsg(NOWHERE, &m, 0));
    m.msg_iovlen = 0;
    said("nothing", sendmsg(e->w, &m, 0));
}

SNIPPET(sendmmsg)
{
    char text[] = HELLO;
    struct iovec v[2];
    vector(v, text);
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &v[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &v[1], .msg_iovlen = 1}}};
    int n = sendmmsg(e->w, m, 2, 0);
    passed("sendmmsg", n, e);
    if (n == 2)
        say("lengths %u %u", m[0].msg_len, m[1].msg_len);
    said("nowhere", sendmmsg(NOWHERE, m, 2, 0));
}

SNIPPET(write)
{
    passed("write", write(e->w, HELLO, hello_len), e);
    said("nothing", write(e->w, HELLO, 0));
    said("nowhere", write(NOWHERE, HELLO, hello_len));
    said("bad", write(e->w, bad, hello_len));
}

SNIPPET(writev)
{
    char text[] = HELLO;
    struct iovec v[2];
    vector(v, text);
    passed("writev", writev(e->w, v, 2), e);
    said("nowhere", writev(NOWHERE, v, 2));
    said("too many", writev(e->w, v, too_many));
}

SNIPPET(read)
{
    char buf[32];
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("read", read(e->r, buf, hello_len), buf);
    said("nothing", read(e->r, buf, 0));
    said("nowhere", read(NOWHERE, buf, hello_len));
}

SNIPPET(readv)
{
    char buf[32];
    struct iovec v[2];
    vector(v, buf);
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("readv", readv(e->r, v, 2), buf);
    said("nowhere", readv(NOWHERE, v, 2));
    said("negative", readv(e->r, v, negative));
}

SNIPPET(recv)
{
    char buf[32];
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("peek", recv(e->r, buf, hello_len, MSG_PEEK), buf);
    said_bytes("recv", recv(e->r, buf, hello_len, 0), buf);
    said("no more", recv(e->r, buf, hello_len, MSG_DONTWAIT));
    said("nowhere", recv(NOWHERE, buf, hello_len, 0));
}

SNIPPET(recvfrom)
{
    char buf[32];
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("recvfrom", recvfrom(e->r, buf, hello_len, MSG_WAITALL, (struct sockaddr *)&from, &len), buf);
    said("nowhere", recvfrom(NOWHERE, buf, hello_len, 0, NULL, NULL));
}

SNIPPET(recvmsg)
{
    char buf[32];
    struct iovec v[2];
    vector(v, buf);
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("recvmsg", recvmsg(e->r, &m, 0), buf);
    said("no more", recvmsg(e->r, &m, MSG_DONTWAIT));
    said("nowhere", recvmsg(NOWHERE, &m, 0));
}

SNIPPET(recvmmsg)
{
    char buf[32];
    struct iovec v[2];
    vector(v, buf);
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = v, .msg_iovlen = 2}},
                           {.msg_hdr = {.msg_iov = v, .msg_iovlen = 2}}};
    struct timespec second = {1, 0};
    put(e, HELLO);
    arrived(e, hello_len);
    int n = recvmmsg(e->r, m, 2, MSG_WAITFORONE, &second);
    said("recvmmsg", n);
    if (n > 0)
        said_bytes("message", m[0].msg_len, buf);
    said("nowhere", recvmmsg(NOWHERE, m, 2, 0, NULL));
}

/* ---- fortified forms by their own names, whatever the compiler makes of the others ---- */

ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *addr,
                       socklen_t *addr_len);

SNIPPET(__read_chk)
{
    char buf[32];
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("__read_chk", __read_chk(e->r, buf, hello_len, sizeof buf), buf);
    said("nowhere", __read_chk(NOWHERE, buf, hello_len, sizeof buf));
}

SNIPPET(__recv_chk)
{
    char buf[32];
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("__recv_chk", __recv_chk(e->r, buf, hello_len, sizeof buf, 0), buf);
    said("nowhere", __recv_chk(NOWHERE, buf, hello_len, sizeof buf, 0));
}

SNIPPET(__recvfrom_chk)
{
    char buf[32];
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("__recvfrom_chk", __recvfrom_chk(e->r, buf, hello_len, sizeof buf, 0, NULL, NULL), buf);
    said("nowhere", __recvfrom_chk(NOWHERE, buf, hello_len, sizeof buf, 0, NULL, NULL));
}

/* ---- without a buffer of the program's, or with an offset ---- */

SNIPPET(preadv2)
{
    char buf[32];
    struct iovec v[2];
    vector(v, buf);
    put(e, HELLO);
    arrived(e, hello_len);
    said_bytes("preadv2", preadv2(e->r, v, 2, -1, 0), buf);
    said("offset", preadv2(e->r, v, 2, 0, 0));
    said("nowhere", preadv2(NOWHERE, v, 2, -1, 0));
}

SNIPPET(pwritev2)
{
    char text[] = HELLO;
    struct iovec v[2];
    vector(v, text);
    passed("pwritev2", pwritev2(e->w, v, 2, -1, 0), e);
    said("offset", pwritev2(e->w, v, 2, 0, 0));
    said("nowhere", pwritev2(NOWHERE, v, 2, -1, 0));
}

/* A file with HELLO in it, at its start. */
static int file(void)
{
    char path[] = "/tmp/contexts.XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    if (write(fd, HELLO, sizeof HELLO - 1) < 0)
        said("write", -1);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

SNIPPET(sendfile)
{
    int fd = file();
    off_t at = 0;
    passed("sendfile", sendfile(e->w, fd, NULL, hello_len), e);
    passed("offset", sendfile(e->w, fd, &at, hello_len), e);
    say("at %ld", (long)at);
    said("out of it", sendfile(fd, e->r, NULL, hello_len));
    close(fd);
    said("nowhere", sendfile(NOWHERE, NOWHERE, NULL, hello_len));
}

SNIPPET(splice)
{
    int two[2];
    char buf[32];
    if (pipe(two) != 0)
        return;
    if (write(two[1], HELLO, hello_len) < 0)
        said("write", -1);
    passed("into", splice(two[0], NULL, e->w, NULL, hello_len, 0), e);
    put(e, HELLO);
    arrived(e, hello_len);
    ssize_t n = splice(e->r, NULL, two[1], NULL, hello_len, 0);
    said("out of", n);
    if (n > 0)
        said_bytes("read", read(two[0], buf, (size_t)n), buf);
    close(two[0]);
    close(two[1]);
    said("nowhere", splice(NOWHERE, NULL, e->w, NULL, hello_len, 0));
}
