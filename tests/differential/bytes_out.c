/* SPDX-License-Identifier: MIT */
/* Bytes out: every way to give them, with flags, vectors and sizes at the edges. */
#include "tests/differential/driver.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile int minus_one = -1; /* gcc knows better than to let that pass */

static long several(int fd, struct iovec *iov, size_t n, int flags)
{
    struct mmsghdr msgs[PARTS] = {0};
    for (size_t i = 0; i < n; i++)
        msgs[i].msg_hdr = (struct msghdr){.msg_iov = iov + i, .msg_iovlen = 1};
    int r = sendmmsg(fd, msgs, (unsigned)n, flags | MSG_NOSIGNAL);
    long sum = 0;
    for (int i = 0; i < r; i++)
        sum += msgs[i].msg_len;
    return r < 0 ? -1L : sum;
}

static long give(int fd, size_t len, int flags, const char **name)
{
    struct iovec iov[PARTS];
    size_t n = cut(iov, buffer, len);
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    switch (chance(8)) {
    case 0: *name = "send"; return send(fd, buffer, len, flags | MSG_NOSIGNAL);
    case 1: *name = "sendto"; return sendto(fd, buffer, len, flags | MSG_NOSIGNAL, NULL, 0);
    case 2: *name = "write"; return write(fd, buffer, len);
    case 3: *name = "writev"; return writev(fd, iov, (int)n);
    case 4: *name = "sendmsg"; return sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
    case 5: *name = "pwritev2"; return pwritev2(fd, iov, (int)n, -1, 0);
    case 6: *name = "send more"; return send(fd, buffer, len, MSG_NOSIGNAL | MSG_MORE | flags);
    default: *name = "sendmmsg"; return several(fd, iov, n, flags);
    }
}

static void give_badly(int fd)
{
    static struct iovec many[IOV_MAX + 1];
    struct iovec bad[2] = {{buffer, 0}, {nowhere(), 5}}, long_one[2] = {{buffer, 1}, {buffer, SIZE_MAX}};
    struct msghdr msg = {.msg_iov = many, .msg_iovlen = IOV_MAX + 1}, empty = {0};
    struct mmsghdr none = {0};
    switch (chance(14)) {
    case 0: trace("send nowhere", send(fd, nowhere(), 10, MSG_NOSIGNAL), " "); break;
    case 1: trace("writev nowhere", writev(fd, bad, 2), " "); break;
    case 2: trace("writev -1", writev(fd, bad, minus_one), " "); break;
    case 3: trace("pwrite", pwrite(fd, buffer, 3, 0), " "); break;
    case 4: trace("sendmsg too many", sendmsg(fd, &msg, MSG_NOSIGNAL), " "); break;
    case 5: trace("writev too many", writev(fd, many, IOV_MAX + 1), " "); break;
    case 6: trace("writev too long", writev(fd, long_one, 2), " "); break;
    case 7: trace("writev none", writev(fd, NULL, 0), " "); break;
    case 8: trace("sendmsg none", sendmsg(fd, &empty, MSG_NOSIGNAL), " "); break;
    case 9: trace("sendmmsg none", sendmmsg(fd, &none, 0, MSG_NOSIGNAL), " "); break;
    case 10: trace("pwritev2 flag", pwritev2(fd, many, 1, -1, 1 << 20), " "); break;
    case 11: trace("pwritev2 at", pwritev2(fd, many, 1, 5, 0), " "); break;
    case 12: trace("writev null", writev(fd, nowhere(), 2), " "); break;
    default: trace("send nothing", send(fd, buffer, 0, MSG_NOSIGNAL), " "); break;
    }
}

void do_send(void)
{
    static const int flags[] = {0, 0, MSG_DONTWAIT, MSG_WAITALL, MSG_EOR, MSG_DONTROUTE, MSG_CONFIRM};
    int fd = any_fd(), flag = flags[chance(7)];
    size_t len = chance(4) ? chance(300) : chance(6000);
    const char *name = "";
    if (chance(12) == 0) {
        errno = 0;
        give_badly(fd);
        game.told = game.told || errno == ECONNRESET;
        return;
    }
    fill_buffer(len);
    long n = give(fd, len, flag, &name);
    trace(name, n, "of %zu", len);
    game.told = game.told || (n < 0 && errno == ECONNRESET);
    if (strcmp(name, "send more") == 0 && n > 0) { /* pushes out what MSG_MORE held back */
        long more = send(fd, "!", 1, MSG_NOSIGNAL);
        n += more > 0 ? more : 0;
    }
    gave(n);
}

void do_file(void)
{
    size_t len = 1 + chance(chance(4) ? 500 : 20000);
    off_t at = (off_t)chance(2) * (off_t)chance((uint32_t)len);
    int file = memfd_create("file", MFD_CLOEXEC);
    fill_buffer(len);
    bool by_position = chance(2), beyond = chance(3) == 0;
    if (write(file, buffer, len) != (ssize_t)len || lseek(file, at, SEEK_SET) != at)
        abort();
    size_t wanted = beyond ? len + 100 : 1 + chance((uint32_t)len);
    long n = sendfile(any_fd(), file, by_position ? NULL : &at, wanted);
    trace("sendfile", n, "of %zu at %ld %ld", wanted, (long)at, (long)lseek(file, 0, SEEK_CUR));
    game.told = game.told || (n < 0 && errno == ECONNRESET);
    close(file);
    gave(n);
}
