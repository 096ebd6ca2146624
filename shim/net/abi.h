/* SPDX-License-Identifier: MIT */
/*
 * The numbers of the system calls that can connect, for every way into the kernel that a machine has. Data;
 * pure; nothing blocks or allocates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_call { CALL_NONE, CALL_CONNECT, CALL_SENDTO, CALL_SENDMSG, CALL_SENDMMSG, CALL_SOCKETCALL };

enum net_machine { MACHINE_X86_64, MACHINE_AARCH64 };

struct net_abi {
    enum net_machine machine; /* what the kernel is for */
    uint32_t arch;            /* AUDIT_ARCH_* of the caller */
    bool native;              /* the shim's own: its connects may carry the cookie */
    bool has_x32;             /* numbers from NET_X32_BIT on are another ABI, which gets no service */
    unsigned word;            /* bytes of a pointer in the caller's structures */
    int connect, sendto, sendmsg, sendmmsg, io_uring_setup;
    int socketcall; /* -1: there is none */
};

#define NET_X32_BIT 0x40000000U

/* The first argument of socketcall(2), linux/net.h. */
enum { SOCKETCALL_CONNECT = 3, SOCKETCALL_SENDTO = 11, SOCKETCALL_SENDMSG = 16, SOCKETCALL_SENDMMSG = 20 };

/* The rows of this machine, one after the other: NULL after the last. */
const struct net_abi *net_abi_next(const struct net_abi *before);
/* The caller's row, NULL: it is not in the table. */
const struct net_abi *net_abi_of(uint32_t arch);
enum net_call net_abi_call(const struct net_abi *abi, int number);
