/* SPDX-License-Identifier: MIT */
/*
 * A call that was caught: what it asks for, copied once out of the caller's memory. What is decided and done
 * is decided by the copy; the caller may change its own as it likes.
 */
#pragma once

#include "shim/net/abi.h"

#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/types.h>

struct net_request {
    uint64_t id;
    pid_t thread;
    enum net_call call;  /* what it comes down to: never CALL_SOCKETCALL */
    const char *refused; /* why it gets ENOSYS whatever it asks for (static); NULL: it does not */
    int fd;
    uint64_t flags; /* of the send calls */
    uint64_t address;
    uint64_t address_len; /* of the calls that ask for an address: where that stands */
    struct sockaddr_storage peer;
    socklen_t peer_len;
};

/* Fills `r`. 0, or the errno that the call gets; EPERM: its memory may not be read. Does not block or
 * allocate. */
int request_read(struct net_request *r, const struct seccomp_notif *n);

/* The thread that a request came from is stopped in the call still, so that its number is no other's. */
bool request_is_alive(int listener, uint64_t id);

/* Gives an address to a call that asked for one, as the kernel would. 0, EFAULT or EINVAL. */
int request_give_address(const struct net_request *r, const struct sockaddr_storage *address, socklen_t len);

/* Gives the call its result: an errno, or 0. False: it was interrupted before, and did not get it. */
bool request_answer(int listener, uint64_t id, int error);
/* Lets the kernel do it, with whatever stands in the caller's memory by then: only where the result cannot
 * concern the policy. */
void request_let_be(int listener, uint64_t id);
