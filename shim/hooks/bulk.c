/* SPDX-License-Identifier: MIT */
/* Ways to move bytes that do not pass through a buffer of the program. On a conn they are read and written
 * like any other (offset -1), or say that they cannot; nothing is ever passed through. */
#include "shim/conn/conn.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/real.h"
#include "shim/table.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    if (!numbers_is_sealed(fd))
        return real.preadv2(fd, iov, n, offset, flags);
    if (offset != -1)
        return failed(ESPIPE);
    return flags ? failed(EOPNOTSUPP) : readv(fd, iov, n);
}
ALIAS_OF(preadv2) ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags);

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    if (!numbers_is_sealed(fd))
        return real.pwritev2(fd, iov, n, offset, flags);
    if (offset != -1)
        return failed(ESPIPE);
    return flags ? failed(EOPNOTSUPP) : writev(fd, iov, n);
}
ALIAS_OF(pwritev2) ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags);

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
    /* EINVAL sends callers on to read and write (sendfile(2)). */
    return numbers_is_sealed(out) || numbers_is_sealed(in) ? failed(EINVAL)
                                                           : real.sendfile(out, in, offset, len);
}
ALIAS_OF(sendfile) ssize_t sendfile64(int out, int in, off64_t *offset, size_t len);

EXPORT ssize_t splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t len, unsigned flags)
{
    return numbers_is_sealed(out) || numbers_is_sealed(in)
               ? failed(EINVAL)
               : real.splice(in, in_off, out, out_off, len, flags);
}
