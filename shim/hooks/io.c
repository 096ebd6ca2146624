/* SPDX-License-Identifier: MIT */
/* Bytes out and in, in all their spellings: each becomes one way through a conn (through.h), or the real
 * call. */
#include "shim/hooks/hooks.h"
#include "shim/hooks/numbers.h"
#include "shim/hooks/through.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/block.h"
#include "shim/wait/memory.h"
#include "shim/wait/transfer.h"

#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel says of a vector before it looks at what it points to; `many`: its word for too long a one.
 */
static bool bad_vector(const struct iovec *iov, size_t n, int many, ssize_t *result)
{
    int error = n > IOV_MAX ? many : n && !memory_all(iov, n * sizeof *iov, false) ? EFAULT : 0;
    for (size_t i = 0; i < n && !error; i++)
        if (iov[i].iov_len > SSIZE_MAX)
            error = EINVAL;
    if (error)
        *result = failed(error);
    return error != 0;
}

/* ---- out ---- */

EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    struct iovec one = {(void *)buf, len};
    ssize_t result;
    if (!table_knows(fd))
        return real.send(fd, buf, len, flags);
    return send_through(fd, &one, 1, flags, &result) ? result : real.send(fd, buf, len, flags);
}
ALIAS_OF(send) ssize_t __send(int fd, const void *buf, size_t len, int flags);

EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
    struct iovec one = {(void *)buf, len};
    ssize_t result;
    if (!table_knows(fd))
        return real.write(fd, buf, len);
    return send_through(fd, &one, 1, 0, &result) ? result : real.write(fd, buf, len);
}
ALIAS_OF(write) ssize_t __write(int fd, const void *buf, size_t len);

EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
    ssize_t result;
    if (!numbers_governed_out(fd, iov, n > 0 ? (size_t)n : 0))
        return real.writev(fd, iov, n);
    if (bad_vector(iov, (size_t)n, EINVAL, &result))
        return result;
    if (!transfer_total(iov, (size_t)n)) /* the kernel does not even ask the socket */
        return 0;
    return send_through(fd, iov, (size_t)n, 0, &result) ? result : real.writev(fd, iov, n);
}

/* MSG_FASTOPEN is a connect() with data: the same gate, then the same bytes without the address. */
static bool fast_open(int fd, const struct sockaddr *addr, socklen_t len, int flags, int *result)
{
    if (!(flags & MSG_FASTOPEN) || !addr || numbers_governed(fd))
        return false;
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    if (real.getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0)
        return false; /* connected: the address is ignored */
    *result = connect(fd, addr, len);
    return true;
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
                      socklen_t addr_len)
{
    struct iovec one = {(void *)buf, len};
    int dialled;
    ssize_t result;
    if (!table_knows(fd) && !(flags & MSG_FASTOPEN))
        return real.sendto(fd, buf, len, flags, addr, addr_len);
    if (fast_open(fd, addr, addr_len, flags, &dialled)) {
        if (dialled < 0)
            return -1;
        flags &= ~MSG_FASTOPEN;
        addr = NULL;
        addr_len = 0;
    }
    return send_through(fd, &one, 1, flags & ~MSG_FASTOPEN, &result)
               ? result
               : real.sendto(fd, buf, len, flags, addr, addr_len);
}

/* A descriptor of ours inside an SCM_RIGHTS message would carry the raw socket out of our reach. */
static bool carries_ours(const struct msghdr *msg)
{
    struct msghdr m = *msg;
    if (m.msg_controllen < sizeof(struct cmsghdr) || !m.msg_control)
        return false;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS || h->cmsg_len < CMSG_LEN(0))
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int passed;
            memcpy(&passed, CMSG_DATA(h) + i * sizeof passed, sizeof passed);
            if (!numbers_may_pass(passed, DOOR_RIGHTS))
                return true;
        }
    }
    return false;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t result;
    int dialled;
    if (!memory_all(msg, sizeof *msg, false))
        return real.sendmsg(fd, msg, flags); /* EFAULT */
    if (!numbers_governed_out(fd, msg->msg_iov, msg->msg_iovlen)) {
        if (carries_ours(msg))
            return failed(EACCES);
        if (!fast_open(fd, msg->msg_name, msg->msg_namelen, flags, &dialled))
            return real.sendmsg(fd, msg, flags);
        if (dialled < 0)
            return -1;
        flags &= ~MSG_FASTOPEN;
        struct msghdr bare = *msg;
        bare.msg_name = NULL;
        bare.msg_namelen = 0;
        return send_through(fd, msg->msg_iov, msg->msg_iovlen, flags, &result)
                   ? result
                   : real.sendmsg(fd, &bare, flags);
    }
    if (bad_vector(msg->msg_iov, msg->msg_iovlen, EMSGSIZE, &result))
        return result;
    return send_through(fd, msg->msg_iov, msg->msg_iovlen, flags & ~MSG_FASTOPEN, &result)
               ? result
               : real.sendmsg(fd, msg, flags);
}

/* A message that is not taken whole is the last one. */
static int send_several(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
    unsigned sent = 0;
    while (sent < n) {
        const struct msghdr *msg = &vec[sent].msg_hdr;
        ssize_t r = sendmsg(fd, msg, flags);
        if (r < 0)
            return sent ? (int)sent : -1;
        vec[sent++].msg_len = (unsigned)r;
        if ((size_t)r < transfer_total(msg->msg_iov, msg->msg_iovlen))
            break;
    }
    return (int)sent;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
    bool plain = !numbers_governed(fd) && !(flags & MSG_FASTOPEN);
    n = n < IOV_MAX ? n : IOV_MAX; /* as the kernel */
    if (!memory_all(vec, n * sizeof *vec, true))
        return real.sendmmsg(fd, vec, plain ? n : 0, flags) < 0 ? -1 : (int)failed(EFAULT);
    for (unsigned i = 0; plain && i < n; i++)
        if (carries_ours(&vec[i].msg_hdr))
            return (int)failed(EACCES);
    return plain ? real.sendmmsg(fd, vec, n, flags) : send_several(fd, vec, n, flags);
}

/* ---- in ---- */

EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    struct iovec one = {buf, len};
    ssize_t result;
    if (!table_knows(fd))
        return real.recv(fd, buf, len, flags);
    return recv_through(fd, &one, 1, flags, &result) ? result : real.recv(fd, buf, len, flags);
}

EXPORT ssize_t read(int fd, void *buf, size_t len)
{
    struct iovec one = {buf, len};
    ssize_t result;
    if (!numbers_governed(fd))
        return real.read(fd, buf, len);
    if (!len) /* as sock_read_iter(); recv() of nothing is another thing */
        return 0;
    return recv_through(fd, &one, 1, 0, &result) ? result : real.read(fd, buf, len);
}
ALIAS_OF(read) ssize_t __read(int fd, void *buf, size_t len);

EXPORT ssize_t readv(int fd, const struct iovec *iov, int n)
{
    ssize_t result;
    if (!numbers_governed(fd))
        return real.readv(fd, iov, n);
    if (bad_vector(iov, (size_t)n, EINVAL, &result))
        return result;
    if (!transfer_total(iov, (size_t)n))
        return 0;
    return recv_through(fd, iov, (size_t)n, 0, &result) ? result : real.readv(fd, iov, n);
}

EXPORT ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
    struct iovec one = {buf, len};
    ssize_t result;
    if (!table_knows(fd) || !recv_through(fd, &one, 1, flags, &result))
        return real.recvfrom(fd, buf, len, flags, addr, addr_len);
    if (result >= 0 && addr && addr_len)
        *addr_len = 0; /* a stream gives no address */
    return result;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    ssize_t result;
    if (!numbers_governed(fd) || !memory_all(msg, sizeof *msg, true))
        return real.recvmsg(fd, msg, flags);
    if (bad_vector(msg->msg_iov, msg->msg_iovlen, EMSGSIZE, &result))
        return result;
    if (!recv_through(fd, msg->msg_iov, msg->msg_iovlen, flags, &result))
        return real.recvmsg(fd, msg, flags);
    if (result >= 0) {
        msg->msg_namelen = 0;
        msg->msg_controllen = 0;
        msg->msg_flags = 0;
    }
    return result;
}

/* The time is looked at between messages (recvmmsg(2)); what is left is written back. */
static bool is_late(struct timespec *timeout, uint64_t until)
{
    if (!timeout)
        return false;
    int64_t left = wait_left(until);
    *timeout = (struct timespec){0};
    wait_timespec(left, timeout);
    return left == 0;
}

EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout)
{
    if (!numbers_governed(fd))
        return real.recvmmsg(fd, vec, n, flags, timeout);
    if (timeout && (!memory_all(timeout, sizeof *timeout, true) || timeout->tv_sec < 0 ||
                    timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000))
        return real.recvmmsg(fd, vec, 0, flags, timeout); /* EFAULT, EINVAL */
    if (!memory_all(vec, n * sizeof *vec, true))
        return (int)failed(EFAULT);
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
        error) /* counts for more than what is queued */
        return (int)failed(error);
    uint64_t until = wait_until(timeout);
    unsigned got = 0;
    while (got < n) {
        int more = got && flags & MSG_WAITFORONE ? MSG_DONTWAIT : 0;
        ssize_t r = recvmsg(fd, &vec[got].msg_hdr, (flags & ~MSG_WAITFORONE) | more);
        if (r < 0)
            return got ? (int)got : -1;
        vec[got++].msg_len = (unsigned)r;
        if (is_late(timeout, until))
            break;
    }
    return (int)got;
}

/* ---- the fortified forms: libc itself says what is wrong with the size ---- */

EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t room)
{
    return len > room ? real.__read_chk(fd, buf, len, room) : read(fd, buf, len);
}

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags)
{
    return len > room ? real.__recv_chk(fd, buf, len, room, flags) : recv(fd, buf, len, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *addr,
                              socklen_t *addr_len)
{
    return len > room ? real.__recvfrom_chk(fd, buf, len, room, flags, addr, addr_len)
                      : recvfrom(fd, buf, len, flags, addr, addr_len);
}
