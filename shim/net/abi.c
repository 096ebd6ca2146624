/* SPDX-License-Identifier: MIT */
#include "shim/net/abi.h"

#include <linux/audit.h>

#define X32(n)      ((int)NET_X32_BIT + (n))
#define X32_REFUSED "a system call of the x32 ABI, which has no service under --strict"

static const struct net_abi abis[] = {
    {MACHINE_X86_64, AUDIT_ARCH_X86_64, 0, 64, NULL, 8, 42, 44, 46, 307, 425, -1, 51, 52},
    {MACHINE_X86_64, AUDIT_ARCH_X86_64, NET_X32_BIT, 0, X32_REFUSED, 4, X32(42), X32(44), X32(518), X32(538),
     X32(425), -1, -1, -1},
    {MACHINE_X86_64, AUDIT_ARCH_I386, 0, 32, NULL, 4, 362, 369, 370, 345, 425, 102, 367, 368},
    {MACHINE_I386, AUDIT_ARCH_I386, 0, 32, NULL, 4, 362, 369, 370, 345, 425, 102, 367, 368},
    {MACHINE_AARCH64, AUDIT_ARCH_AARCH64, 0, 64, NULL, 8, 203, 206, 211, 269, 425, -1, 204, 205},
    {MACHINE_AARCH64, AUDIT_ARCH_ARM, 0, 0, NULL, 4, 283, 290, 296, 374, 425, 102, -1, -1},
};

#if defined(__x86_64__)
#define MACHINE MACHINE_X86_64
#elif defined(__i386__)
#define MACHINE MACHINE_I386
#elif defined(__aarch64__)
#define MACHINE MACHINE_AARCH64
#else
#error "tlsup knows the system calls of x86-64, i386 and aarch64 only"
#endif

const struct net_abi *net_abi_next(const struct net_abi *before)
{
    for (size_t i = before ? (size_t)(before - abis) + 1 : 0; i < sizeof abis / sizeof *abis; i++)
        if (abis[i].machine == MACHINE)
            return &abis[i];
    return NULL;
}

const struct net_abi *net_abi_of(uint32_t arch, int number)
{
    uint32_t base = (uint32_t)number & NET_X32_BIT;
    const struct net_abi *a = net_abi_next(NULL);
    while (a && (a->arch != arch || a->base != base))
        a = net_abi_next(a);
    return a;
}

enum net_call net_abi_call(const struct net_abi *abi, int number)
{
    if (number == abi->connect)
        return CALL_CONNECT;
    if (number == abi->sendto)
        return CALL_SENDTO;
    if (number == abi->sendmsg)
        return CALL_SENDMSG;
    if (number == abi->sendmmsg)
        return CALL_SENDMMSG;
    if (number == abi->io_uring_setup)
        return CALL_RING;
    if (abi->cookie_bits && number == abi->getpeername)
        return CALL_GETPEERNAME;
    if (abi->cookie_bits && number == abi->getsockname)
        return CALL_GETSOCKNAME;
    return abi->socketcall >= 0 && number == abi->socketcall ? CALL_SOCKETCALL : CALL_NONE;
}
