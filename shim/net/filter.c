/* SPDX-License-Identifier: MIT */
#include "shim/net/filter.h"

#include "shim/net/abi.h"
#include "shim/real.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ERRNO(e) (SECCOMP_RET_ERRNO | ((e)&SECCOMP_RET_DATA))

struct program {
    struct sock_filter *at;
    size_t n;
};

static void add(struct program *p, unsigned code, uint32_t k, size_t yes, size_t no)
{
    p->at[p->n++] = (struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct program *p, uint32_t result)
{
    add(p, BPF_RET | BPF_K, result, 0, 0);
}

static size_t argument(unsigned i, bool high) /* both machines are little-endian */
{
    return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t) + (high ? sizeof(uint32_t) : 0);
}

/* What follows up to rejoin() is for `number` alone. It has to end by giving a result. */
static size_t only_for(struct program *p, int number)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 0);
    return p->n - 1;
}

static void rejoin(struct program *p, size_t from)
{
    p->at[from].jf = (uint8_t)(p->n - from - 1);
}

static void always(struct program *p, int number, uint32_t result)
{
    size_t from = only_for(p, number);
    give(p, result);
    rejoin(p, from);
}

/* For a call of three arguments: the fourth register tells the shim's own from others. */
static void on_cookie(struct program *p, const struct net_abi *abi, int number, uint64_t cookie,
                      uint32_t with, uint32_t without)
{
    size_t from = only_for(p, number);
    load(p, argument(3, false));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)cookie, 0, 3);
    load(p, argument(3, true)); /* the kernel says 0 of a register that has no such half */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, abi->cookie_bits > 32 ? (uint32_t)(cookie >> 32) : 0, 0, 1);
    give(p, with);
    give(p, without);
    rejoin(p, from);
}

static void on_connect(struct program *p, const struct net_abi *abi, uint64_t cookie)
{
    if (abi->cookie_bits)
        on_cookie(p, abi, abi->connect, cookie, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF);
    else
        always(p, abi->connect, SECCOMP_RET_USER_NOTIF);
}

#define FASTOPEN 0x20000000U /* MSG_FASTOPEN: connects */

static void on_send(struct program *p, int number, unsigned flags, uint32_t otherwise)
{
    size_t from = only_for(p, number);
    load(p, argument(flags, false));
    add(p, BPF_JMP | BPF_JSET | BPF_K, FASTOPEN, 0, 1);
    give(p, SECCOMP_RET_USER_NOTIF);
    give(p, otherwise);
    rejoin(p, from);
}

static void on_socketcall(struct program *p, int number)
{
    static const uint32_t calls[] = {SOCKETCALL_CONNECT, SOCKETCALL_SENDTO, SOCKETCALL_SENDMSG,
                                     SOCKETCALL_SENDMMSG};
    size_t from = only_for(p, number), left = sizeof calls / sizeof *calls;
    load(p, argument(0, false));
    for (size_t i = 0; left; i++, left--)
        add(p, BPF_JMP | BPF_JEQ | BPF_K, calls[i], left, 0);
    give(p, SECCOMP_RET_ALLOW);
    give(p, SECCOMP_RET_USER_NOTIF);
    rejoin(p, from);
}

/* What most programs call most stands first. */
static void on_calls(struct program *p, const struct net_abi *abi, uint64_t cookie, uint32_t otherwise)
{
    on_send(p, abi->sendto, 3, otherwise);
    on_send(p, abi->sendmsg, 2, otherwise);
    on_connect(p, abi, cookie);
    on_send(p, abi->sendmmsg, 3, otherwise);
    if (abi->cookie_bits) { /* the shim asks what a socket would say that leads to a relay */
        on_cookie(p, abi, abi->getpeername, cookie, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW);
        on_cookie(p, abi, abi->getsockname, cookie, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW);
    }
    always(p, abi->io_uring_setup, SECCOMP_RET_USER_NOTIF);
    if (abi->socketcall >= 0)
        on_socketcall(p, abi->socketcall);
}

/* For a number that is in no row the way to its ALLOW reads the arch and the number alone. So the kernel
 * (since Linux 5.11) finds out once that the answer is always the same, and does not run the program for it
 * any more. */
static void on_arch(struct program *p, const struct net_abi *abi, uint64_t cookie)
{
    const struct net_abi *x32 = net_abi_of(abi->arch, (int)NET_X32_BIT);
    size_t from = only_for(p, (int)abi->arch);
    load(p, offsetof(struct seccomp_data, nr));
    on_calls(p, abi, cookie, SECCOMP_RET_ALLOW);
    if (x32) {
        add(p, BPF_JMP | BPF_JGE | BPF_K, x32->base, 1, 0);
        give(p, SECCOMP_RET_ALLOW);
        on_calls(p, x32, cookie, ERRNO(ENOSYS));
        give(p, ERRNO(ENOSYS));
    } else {
        give(p, SECCOMP_RET_ALLOW);
    }
    rejoin(p, from);
}

size_t filter_build(struct sock_filter out[FILTER_MAX], uint64_t cookie)
{
    struct program p = {out, 0};
    load(&p, offsetof(struct seccomp_data, arch));
    for (const struct net_abi *abi = net_abi_next(NULL); abi; abi = net_abi_next(abi))
        if (!abi->base)
            on_arch(&p, abi, cookie);
    give(&p, ERRNO(ENOSYS)); /* a way into the kernel that we do not know */
    return p.n;
}

int filter_install(uint64_t cookie)
{
    struct sock_filter code[FILTER_MAX];
    struct sock_fprog program = {.len = (unsigned short)filter_build(code, cookie), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return (int)real.syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                             SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}
