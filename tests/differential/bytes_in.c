/* SPDX-License-Identifier: MIT */
/* Bytes in: every way to take them. */
#include "tests/differential/driver.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile int minus_one = -1; /* gcc knows better than to let that pass */

static void seen(const char *name, long n, const void *at)
{
    trace(name, n, "sum %u", n > 0 ? sum_of(at, (size_t)n) : 0);
}

static long by_msg(int fd, struct iovec *iov, size_t n, int flags)
{
    char control[100];
    struct sockaddr_storage from;
    struct msghdr msg = {.msg_iov = iov,
                         .msg_iovlen = n,
                         .msg_control = control,
                         .msg_controllen = sizeof control,
                         .msg_name = &from,
                         .msg_namelen = sizeof from,
                         .msg_flags = 12345};
    long r = recvmsg(fd, &msg, flags);
    if (r >= 0 && !game.told)
        trace("recvmsg says", 0, "%x %u %zu", (unsigned)msg.msg_flags & ~(unsigned)MSG_CMSG_CLOEXEC,
              msg.msg_namelen, (size_t)msg.msg_controllen);
    return r;
}

static long by_name(int fd, size_t len, int flags)
{
    struct sockaddr_storage from;
    socklen_t room = sizeof from;
    long r = recvfrom(fd, buffer, len, flags, (struct sockaddr *)&from, &room);
    if (r >= 0 && !game.told)
        trace("recvfrom says", 0, "%u", room);
    return r;
}

/* Without flags there are more ways. */
static long take(int fd, size_t len, int flags, const char **name)
{
    struct iovec iov[PARTS];
    size_t n = cut(iov, buffer, len);
    socklen_t none = 0;
    switch (chance(flags ? 4 : 7)) {
    case 0: *name = "recv"; return recv(fd, buffer, len, flags);
    case 1: *name = "recvfrom"; return recvfrom(fd, buffer, len, flags, NULL, &none);
    case 2: *name = "recvmsg"; return by_msg(fd, iov, n, flags);
    case 3: *name = "recvfrom a"; return by_name(fd, len, flags);
    case 4: *name = "read"; return read(fd, buffer, len);
    case 5: *name = "readv"; return readv(fd, iov, (int)n);
    default: *name = "preadv2"; return preadv2(fd, iov, (int)n, -1, 0);
    }
}

static void take_badly(int fd)
{
    static struct iovec many[IOV_MAX + 1];
    struct iovec bad[2] = {{buffer, 0}, {nowhere(), 5}};
    struct msghdr msg = {.msg_iov = many, .msg_iovlen = IOV_MAX + 1};
    switch (chance(10)) {
    case 0: trace("readv -1", readv(fd, NULL, minus_one), " "); break;
    case 1: trace("pread", pread(fd, buffer, 3, 0), " "); break;
    case 2: trace("recv oob", recv(fd, buffer, 1, MSG_OOB | MSG_DONTWAIT), " "); break;
    case 3: trace("recv errqueue", recv(fd, buffer, 1, MSG_ERRQUEUE | MSG_DONTWAIT), " "); break;
    case 4: trace("recvmsg too many", recvmsg(fd, &msg, MSG_DONTWAIT), " "); break;
    case 5: trace("readv too many", readv(fd, many, IOV_MAX + 1), " "); break;
    case 6:
        if (game.unread)
            trace("recv nowhere", recv(fd, nowhere(), 5, MSG_DONTWAIT), " ");
        break;
    case 7:
        if (game.unread)
            trace("readv nowhere", readv(fd, bad, 2), " ");
        break;
    case 8: trace("recvmsg nowhere", recvmsg(fd, nowhere(), MSG_DONTWAIT), " "); break;
    default:
        if (game.unread)
            trace("recv nothing", recv(fd, buffer, 0, MSG_DONTWAIT), " ");
        break;
    }
}

/* recvmmsg(): several messages of a stream are several reads. */
static void take_several(int fd)
{
    static const int kinds[] = {MSG_DONTWAIT, MSG_WAITFORONE, MSG_WAITFORONE | MSG_TRUNC, 0};
    struct iovec iov[PARTS];
    struct mmsghdr msgs[PARTS] = {0};
    size_t len = 1 + chance(2000), n = cut(iov, buffer, len);
    int flags = kinds[chance(4)];
    struct timespec none = {0}, second = {1, 0}, bad = {0, -5}, *times[] = {NULL, NULL, &none, &second, &bad};
    struct timespec *timeout = times[chance(5)];
    if (would_wait(len))
        flags |= MSG_DONTWAIT;
    for (size_t i = 0; i < n; i++)
        msgs[i].msg_hdr = (struct msghdr){.msg_iov = iov + i, .msg_iovlen = 1};
    int r = recvmmsg(fd, msgs, (unsigned)n, flags, timeout);
    game.told = game.told || (r < 0 && errno == ECONNRESET);
    int error = errno;
    unsigned long sum = 0, all = 0;
    for (int i = 0; i < r; i++) {
        sum = sum * 31 + msgs[i].msg_len + (flags & MSG_TRUNC ? 0 : sum_of(iov[i].iov_base, msgs[i].msg_len));
        all += msgs[i].msg_len;
    }
    errno = error;
    trace("recvmmsg", r, "%lu sum %lu time %d", all, sum, timeout == &second && second.tv_sec == 0);
    took((long)all);
}

/* The peer sends now, or when the call sleeps. */
static void maybe_bytes(size_t least, bool may_wait)
{
    size_t sent = chance(3) ? 1 + chance(400) : 1 + chance(8000);
    if (chance(3) == 0)
        return;
    bool late = chance(16) == 0;
    if (late && may_wait && sent >= least && sent >= (size_t)game.lowat && would_wait(1) &&
        !game.nonblocking && peer_may_send(sent)) {
        when_asleep(self, "send %zu", sent); /* the call is there before the bytes are */
        game.unread += sent;
    } else {
        peer_sends(sent);
    }
}

void do_receive(void)
{
    static const int kinds[] = {
        0, 0, 0, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_PEEK | MSG_TRUNC, MSG_PEEK | MSG_WAITALL};
    int fd = any_fd(), flags = kinds[chance(8)];
    size_t len = chance(2) ? 1 + chance(300) : 1 + chance(20000), least = 1;
    const char *name = "";
    if (chance(12) == 0) {
        take_badly(fd);
        return;
    }
    least = flags & MSG_WAITALL || (size_t)game.lowat > len ? len : (size_t)game.lowat;
    bool many = chance(12) == 0;
    maybe_bytes(least, !many);
    if (many && !game.told) {
        take_several(fd);
        return;
    }
    if (would_wait(least))
        flags |= MSG_DONTWAIT;
    long n = read_gave(take(fd, len, flags, &name));
    if (flags & MSG_TRUNC)
        trace(name, n, "thrown away");
    else
        seen(name, n, buffer);
    if (!(flags & MSG_PEEK))
        took(n);
}
