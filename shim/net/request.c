/* SPDX-License-Identifier: MIT */
#include "shim/net/request.h"

#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

/* 0, EFAULT or EPERM. */
static int copy(pid_t thread, uint64_t from, void *to, size_t len)
{
    struct iovec here = {.iov_base = to, .iov_len = len};
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process */
    struct iovec there = {.iov_base = (void *)(uintptr_t)from, .iov_len = len};
    if (len == 0)
        return 0;
    ssize_t n = process_vm_readv(thread, &here, 1, &there, 1, 0);
    if (n == (ssize_t)len)
        return 0;
    return n >= 0 || errno == EFAULT ? EFAULT : EPERM;
}

/* struct msghdr begins with msg_name and msg_namelen; sendmmsg's vector begins with one. */
static int read_message(struct net_request *r, const struct net_abi *abi, uint64_t at)
{
    uint64_t name = 0;
    uint32_t len = 0;
    int error = copy(r->thread, at, &name, abi->word);
    if (!error)
        error = copy(r->thread, at + abi->word, &len, sizeof len);
    r->address = name;
    r->address_len = len;
    return error;
}

static int take_arguments(struct net_request *r, const struct net_abi *abi, const uint64_t a[6])
{
    r->fd = (int)a[0];
    switch (r->call) {
    case CALL_GETPEERNAME:
    case CALL_GETSOCKNAME:
    case CALL_CONNECT:
        r->address = a[1];
        r->address_len = a[2];
        return 0;
    case CALL_SENDTO:
        r->flags = a[3];
        r->address = a[4];
        r->address_len = a[5];
        return 0;
    case CALL_SENDMSG: r->flags = a[2]; return read_message(r, abi, a[1]);
    case CALL_SENDMMSG: r->flags = a[3]; return read_message(r, abi, a[1]);
    case CALL_RING: r->refused = "io_uring_setup(2): a ring connects where nobody sees it"; return 0;
    default: return ENOSYS;
    }
}

static int take_socketcall(struct net_request *r, const struct net_abi *abi, const uint64_t given[6])
{
    uint32_t words[6] = {0};
    uint64_t a[6];
    size_t n = 6;
    switch (given[0]) {
    case SOCKETCALL_CONNECT: r->call = CALL_CONNECT, n = 3; break;
    case SOCKETCALL_SENDTO: r->call = CALL_SENDTO; break;
    case SOCKETCALL_SENDMSG: r->call = CALL_SENDMSG, n = 3; break;
    case SOCKETCALL_SENDMMSG: r->call = CALL_SENDMMSG, n = 4; break;
    default: return ENOSYS;
    }
    int error = copy(r->thread, given[1], words, n * sizeof *words);
    for (size_t i = 0; i < 6; i++)
        a[i] = words[i];
    return error ? error : take_arguments(r, abi, a);
}

int request_read(struct net_request *r, const struct seccomp_notif *n)
{
    uint64_t a[6];
    const struct net_abi *abi = net_abi_of(n->data.arch, n->data.nr);
    memset(r, 0, sizeof *r);
    memcpy(a, n->data.args, sizeof a);
    r->id = n->id;
    r->thread = (pid_t)n->pid;
    if (!abi)
        return ENOSYS;
    r->refused = abi->refused;
    if (!r->thread) /* of a process tree that we cannot see */
        return EPERM;
    r->call = net_abi_call(abi, n->data.nr);
    int error = r->call == CALL_SOCKETCALL ? take_socketcall(r, abi, a) : take_arguments(r, abi, a);
    if (error)
        return error;
    if (r->call == CALL_RING || r->call == CALL_GETPEERNAME || r->call == CALL_GETSOCKNAME)
        return 0;
    uint32_t len = (uint32_t)r->address_len;
    if (len > sizeof r->peer)
        return EINVAL;
    if (!r->address && r->call != CALL_CONNECT) /* a send without an address */
        return 0;
    r->peer_len = len;
    return copy(r->thread, r->address, &r->peer, len);
}

static bool put(pid_t thread, uint64_t to, const void *from, size_t len)
{
    struct iovec here = {.iov_base = (void *)from, .iov_len = len};
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process */
    struct iovec there = {.iov_base = (void *)(uintptr_t)to, .iov_len = len};
    return len == 0 || process_vm_writev(thread, &here, 1, &there, 1, 0) == (ssize_t)len;
}

int request_give_address(const struct net_request *r, const struct sockaddr_storage *address, socklen_t len)
{
    int32_t room = 0;
    if (copy(r->thread, r->address_len, &room, sizeof room))
        return EFAULT;
    if (room < 0)
        return EINVAL;
    size_t n = (socklen_t)room < len ? (size_t)room : len;
    return put(r->thread, r->address, address, n) && put(r->thread, r->address_len, &len, sizeof len)
               ? 0
               : EFAULT;
}

bool request_is_alive(int listener, uint64_t id)
{
    return real.ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* A call that was interrupted or whose thread is gone has no use for the answer: ENOENT is no error. */
bool request_answer(int listener, uint64_t id, int error)
{
    struct seccomp_notif_resp resp = {.id = id, .error = -error};
    return real.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) == 0;
}

void request_let_be(int listener, uint64_t id)
{
    struct seccomp_notif_resp resp = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    real.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}
