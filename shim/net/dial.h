/* SPDX-License-Identifier: MIT */
/*
 * Calls that are under way: a socket on its way to its destination or to a relay, and the blocking calls that
 * wait for it. Single-threaded; allocates; nothing blocks.
 */
#pragma once

#include "shim/net/request.h"

/* The epoll set that tells of them; each entry's data is for dial_event(). Once. */
void dial_init(int listener, int epoll);

/* connect(): `sock` is the caller's TCP socket, which is ours to close. Answers now or later. */
void dial_begin(const struct net_request *r, int sock);

/* Something happened that an entry of the set, other than the owner's own, tells of. */
void dial_event(void *data);

/* Milliseconds until dial_late() has something to do; -1: never. */
int dial_patience(void);
void dial_late(void);
