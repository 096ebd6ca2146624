/* SPDX-License-Identifier: MIT */
/*
 * The numbers of the system calls that can connect, for every way into the kernel that a machine has. Data;
 * pure; nothing blocks or allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_call {
    CALL_NONE,
    CALL_CONNECT,
    CALL_SENDTO,
    CALL_SENDMSG,
    CALL_SENDMMSG,
    CALL_SOCKETCALL,
    CALL_GETPEERNAME, /* these two by the shim alone, with the cookie */
    CALL_GETSOCKNAME,
    CALL_RING, /* io_uring_setup(2): what connects by the ring would be seen by nobody */
};

enum net_machine { MACHINE_X86_64, MACHINE_I386, MACHINE_AARCH64 };

struct net_abi {
    enum net_machine machine; /* what the supervisor is for */
    uint32_t arch;            /* AUDIT_ARCH_* of the caller */
    uint32_t base;            /* its numbers begin here: NET_X32_BIT for x32, which shares its arch */
    unsigned cookie_bits; /* as many of the cookie do calls of our object carry; 0: there is none for it */
    const char *refused;  /* why it gets no service, but ENOSYS; NULL: it does */
    unsigned word;        /* bytes of a pointer in the caller's structures */
    int connect, sendto, sendmsg, sendmmsg, io_uring_setup;
    int socketcall;               /* -1: there is none */
    int getsockname, getpeername; /* where cookie_bits is not 0; else -1 */
};

#define NET_X32_BIT 0x40000000U

/* The first argument of socketcall(2), linux/net.h. */
enum { SOCKETCALL_CONNECT = 3, SOCKETCALL_SENDTO = 11, SOCKETCALL_SENDMSG = 16, SOCKETCALL_SENDMMSG = 20 };

/* The rows of this machine, one after the other: NULL after the last. */
const struct net_abi *net_abi_next(const struct net_abi *before);
/* The row of a call, NULL: it is not in the table. */
const struct net_abi *net_abi_of(uint32_t arch, int number);
enum net_call net_abi_call(const struct net_abi *abi, int number);
