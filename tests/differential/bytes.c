/* SPDX-License-Identifier: MIT */
/* Bytes: every way to give and to take them, with flags, vectors and sizes at the edges. */
#include "tests/differential/driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROOM 40000

static unsigned char buffer[ROOM];
static volatile int minus_one = -1; /* gcc knows better than to let that pass */

static void *nowhere(void)
{
    static void *page;
    if (!page)
        page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page;
}

/* Cuts [at, at + len) into up to five parts, some of them empty. */
static size_t cut(struct iovec *iov, unsigned char *at, size_t len)
{
    size_t n = 1 + chance(5);
    for (size_t i = 0; i < n; i++) {
        size_t part = i + 1 == n ? len : chance((uint32_t)len + 1);
        if (i + 1 < n && chance(4) == 0)
            part = 0;
        iov[i] = (struct iovec){at, part};
        at += part;
        len -= part;
    }
    return n;
}

/* ---- out ---- */

static long give(int fd, size_t len, int flags, const char **name)
{
    struct iovec iov[6];
    size_t n = cut(iov, buffer, len);
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    struct mmsghdr several[2] = {{.msg_hdr = {.msg_iov = iov, .msg_iovlen = 1}},
                                 {.msg_hdr = {.msg_iov = iov + 1, .msg_iovlen = n - 1}}};
    switch (chance(8)) {
    case 0: *name = "send"; return send(fd, buffer, len, flags | MSG_NOSIGNAL);
    case 1: *name = "sendto"; return sendto(fd, buffer, len, flags | MSG_NOSIGNAL, NULL, 0);
    case 2: *name = "write"; return write(fd, buffer, len);
    case 3: *name = "writev"; return writev(fd, iov, (int)n);
    case 4: *name = "sendmsg"; return sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
    case 5: *name = "pwritev2"; return pwritev2(fd, iov, (int)n, -1, 0);
    case 6: *name = "send more"; return send(fd, buffer, len, MSG_NOSIGNAL | MSG_MORE | flags);
    default: {
        *name = "sendmmsg";
        int r = sendmmsg(fd, several, n > 1 ? 2 : 1, flags | MSG_NOSIGNAL);
        return r < 0 ? -1L : (long)several[0].msg_len + (r > 1 ? several[1].msg_len : 0);
    }
    }
}

static void give_badly(int fd)
{
    struct iovec bad[2] = {{buffer, 0}, {nowhere(), 5}};
    switch (chance(5)) {
    case 0: trace("send nowhere", send(fd, nowhere(), 10, MSG_NOSIGNAL), " "); break;
    case 1: trace("writev nowhere", writev(fd, bad, 2), " "); break;
    case 2: trace("writev -1", writev(fd, bad, minus_one), " "); break;
    case 3: trace("pwrite", pwrite(fd, buffer, 3, 0), " "); break;
    default: trace("send nothing", send(fd, buffer, 0, MSG_NOSIGNAL), " "); break;
    }
}

void do_send(void)
{
    static const int flags[] = {0, 0, MSG_DONTWAIT, MSG_WAITALL};
    int fd = any_fd(), flag = flags[chance(4)];
    size_t len = chance(4) ? chance(300) : chance(6000);
    const char *name = "";
    for (size_t i = 0; i < len; i++)
        buffer[i] = (unsigned char)chance(256);
    if (chance(12) == 0) {
        give_badly(fd);
        return;
    }
    long n = give(fd, len, flag, &name);
    trace(name, n, "of %zu", len);
    if (strcmp(name, "send more") == 0 && n > 0) { /* pushes out what MSG_MORE held back */
        n += 1;
        send(fd, "!", 1, MSG_NOSIGNAL);
    }
    if (n > 0 && !game.reset)
        trace("peer", 0, "%s", tell("read %ld", n));
}

/* ---- in ---- */

static void seen(const char *name, long n, const void *at)
{
    trace(name, n, "sum %u", n > 0 ? sum_of(at, (size_t)n) : 0);
}

/* Without flags there are more ways. */
static long take(int fd, size_t len, int flags, const char **name)
{
    struct iovec iov[6];
    size_t n = cut(iov, buffer, len);
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    socklen_t none = 0;
    switch (chance(flags ? 3 : 6)) {
    case 0: *name = "recv"; return recv(fd, buffer, len, flags);
    case 1: *name = "recvfrom"; return recvfrom(fd, buffer, len, flags, NULL, &none);
    case 2: *name = "recvmsg"; return recvmsg(fd, &msg, flags);
    case 3: *name = "read"; return read(fd, buffer, len);
    case 4: *name = "readv"; return readv(fd, iov, (int)n);
    default: *name = "preadv2"; return preadv2(fd, iov, (int)n, -1, 0);
    }
}

static void take_badly(int fd)
{
    switch (chance(5)) {
    case 0: trace("recv -1", readv(fd, NULL, minus_one), " "); break;
    case 1: trace("pread", pread(fd, buffer, 3, 0), " "); break;
    case 2: trace("recv oob", recv(fd, buffer, 1, MSG_OOB | MSG_DONTWAIT), " "); break;
    case 3: trace("recv errqueue", recv(fd, buffer, 1, MSG_ERRQUEUE | MSG_DONTWAIT), " "); break;
    default:
        if (game.unread)
            trace("recv nothing", recv(fd, buffer, 0, MSG_DONTWAIT), " ");
        break;
    }
}

static bool would_block(void)
{
    return !game.unread && !game.peer_ended && !game.read_shut && !game.reset;
}

void do_receive(void)
{
    static const int kinds[] = {0, 0, 0, MSG_PEEK, MSG_TRUNC, MSG_WAITALL};
    int fd = any_fd(), flags = kinds[chance(6)];
    size_t sent = chance(3) ? 1 + chance(400) : 1 + chance(20000), len = 1 + chance(chance(2) ? 300 : 20000);
    bool sends = chance(2) && peer_may_send(), late = chance(6) == 0;
    const char *name = "";
    if (chance(12) == 0) {
        take_badly(fd);
        return;
    }
    if (sends && late && !game.unread && !game.nonblocking && !game.read_shut && sent < 1000) {
        tell("later 3 %zu", sent); /* the call is there before the bytes are */
        game.unread = sent;
    } else if (sends) {
        tell("send %zu", sent);
        game.unread += sent;
    }
    if (flags == MSG_WAITALL && game.unread < len)
        flags = 0;
    if (would_block())
        flags |= MSG_DONTWAIT;
    long n = take(fd, len, flags, &name);
    if (flags & MSG_TRUNC)
        trace(name, n, "thrown away");
    else
        seen(name, n, buffer);
    if (n > 0 && !(flags & MSG_PEEK))
        game.unread -= (size_t)n < game.unread ? (size_t)n : game.unread;
}
