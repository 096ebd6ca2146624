/* SPDX-License-Identifier: MIT */
/*
 * What the policy says of a call that was caught. Names are not known here, as for a program that resolved in
 * another process: the relay learns them from the request. Reads the policy (blocks on a file, at most once a
 * second), allocates. Records and the line on stderr are those of the calling process.
 */
#pragma once

#include "shim/net/request.h"

enum verdict {
    VERDICT_FREE,    /* no line governs it */
    VERDICT_RELAY,   /* TLS, or what the head of the request decides */
    VERDICT_REFUSED, /* it was said and recorded why; EACCES */
};

/* Once, before the supervisor's first verdict. */
void verdict_init(void);

/* `peer` of the request is an address of the internet, for a TCP socket. */
enum verdict verdict_of(const struct net_request *r);

/* A destination that is governed, and a way to it that we cannot follow: records it. */
void verdict_refuse(const struct net_request *r, int error, const char *why);

/* A call that has no destination yet and that gets ENOSYS: records it, once for each process, if the policy
 * has a rule that it could pass by. */
void verdict_refuse_ring(const struct net_request *r);
