/* SPDX-License-Identifier: MIT */
/* Ways to move bytes that do not pass through a buffer of the program. Where we can read and write in their
 * stead we do; splice() is left to the kernel and a relay. */
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

/* What preadv2() and pwritev2() may ask of a socket: only RWF_NOWAIT means something. */
#define HARMLESS (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)

static bool can_position(const struct iovec *iov, int n, off_t offset, int flags, ssize_t *result)
{
    bool nothing = n == 0 || (n == 1 && memory_all(iov, sizeof *iov, false) && iov->iov_len == 0);
    if (offset != -1)
        *result = failed(ESPIPE);
    else if (flags & ~(HARMLESS | RWF_NOWAIT))
        *result = nothing ? 0 : failed(EOPNOTSUPP);
    else
        return true;
    return false;
}

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    ssize_t result;
    if (!numbers_is_sealed(fd))
        return real.preadv2(fd, iov, n, offset, flags);
    if (!can_position(iov, n, offset, flags, &result))
        return result;
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
    return flags & RWF_NOWAIT && n >= 0 ? recvmsg(fd, &msg, MSG_DONTWAIT) : readv(fd, iov, n);
}
#if !HOOKS_ARE_32_BIT
ALIAS_OF(preadv2) ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags);
#endif

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    ssize_t result;
    if (!numbers_is_sealed(fd))
        return real.pwritev2(fd, iov, n, offset, flags);
    if (!can_position(iov, n, offset, flags, &result))
        return result;
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
    return flags & RWF_NOWAIT && n >= 0 ? sendmsg(fd, &msg, MSG_DONTWAIT) : writev(fd, iov, n);
}
#if !HOOKS_ARE_32_BIT
ALIAS_OF(pwritev2) ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags);
#endif

#define FILE_PART 16384U

/* Sends what the file has at *at, which moves by what was taken. The number of bytes, or -1 if none was. */
static ssize_t send_file(int out, int in, off64_t *at, size_t len)
{
    size_t done = 0;
    char *part = malloc(FILE_PART);
    if (!part)
        return failed(ENOMEM);
    while (done < len) {
        ssize_t n = pread64(in, part, len - done < FILE_PART ? len - done : FILE_PART, *at);
        ssize_t sent = n > 0 ? write(out, part, (size_t)n) : n;
        if (sent <= 0) {
            free(part);
            return done ? (ssize_t)done : sent;
        }
        *at += sent;
        done += (size_t)sent;
        if (sent < n)
            break;
    }
    free(part);
    return (ssize_t)done;
}

bool bulk_is_ours(int out, int in)
{
    return numbers_is_sealed(in) || numbers_is_sealed(out);
}

ssize_t bulk_send_file(int out, int in, off64_t *offset, size_t len)
{
    if (numbers_is_sealed(in))
        return failed(EINVAL); /* as a socket is told that is no file (sendfile(2)) */
    off64_t at = offset ? *offset : lseek64(in, 0, SEEK_CUR);
    if (at < 0)
        return failed(EINVAL);
    ssize_t n = send_file(out, in, &at, len);
    if (n > 0 && offset)
        *offset = at;
    else if (n > 0)
        lseek64(in, at, SEEK_SET);
    return n;
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
    if (!bulk_is_ours(out, in))
        return real.sendfile(out, in, offset, len);
    off64_t at = offset ? *offset : 0;
    ssize_t n = bulk_send_file(out, in, offset ? &at : NULL, len);
    if (offset)
        *offset = (off_t)at;
    return n;
}
#if !HOOKS_ARE_32_BIT
ALIAS_OF(sendfile) ssize_t sendfile64(int out, int in, off64_t *offset, size_t len);
#endif

EXPORT ssize_t splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t len, unsigned flags)
{
    if (!numbers_may_pass(in, DOOR_KERNEL) || !numbers_may_pass(out, DOOR_KERNEL))
        return -1;
    return real.splice(in, in_off, out, out_off, len, flags);
}
