/* SPDX-License-Identifier: MIT */
/*
 * The way from a caught socket to a relay of its own. Nothing is put in the socket's place: it keeps its
 * number, flags, options and registrations, and is connected to a port of this machine.
 *
 * While the relay dials the destination the socket is in SYN_SENT, as it would be: what it dials is a
 * listening socket whose queue is full, so that the kernel drops what comes (a filter would do as well, but
 * not every kernel lets everybody attach one). When the relay has arrived, its end, which is bound to the
 * same port, dials the caller's socket: TCP's simultaneous open (RFC 9293 section 3.5), at once. So nobody
 * else can ever be accepted in its place, and a destination that does not answer is an error of connect().
 *
 * A socket that has no way to this machine's loopback (bound to an interface, of another network, MPTCP) is
 * left as it is, and one end of a socket pair is put on its number (shim/net/swap.h).
 */
#pragma once

#include "shim/net/peers.h"
#include "shim/net/request.h"

#include <stdbool.h>

struct bridge {
    int door; /* drops what comes, */
    int plug; /* for this connection fills its queue */
    int near; /* the relay's end, shared with it */
    int word; /* from it an int comes: the errno of its dial, or 0; an end: it is gone */
    int far;  /* the program's end of a pair; -1: it keeps its socket */
    int wire; /* what the relay dials by, shared with it */
    pid_t relay;
    struct sockaddr_storage at;
    socklen_t at_len;
};

/* Once: where the relay's program is. Kept by reference. */
void bridge_init(const char *relay);

/* Called when the socket is on its way, before the relay is started, which takes far longer. Does the call
 * still wait for an answer? */
typedef bool bridge_begun(int sock, const struct net_request *r);

/* Puts the socket on its way and starts the relay; 0: `sock` is connecting. Else the errno of the call;
 * *why then says what cannot be done (static), or is NULL if the system's errno tells all. Does not block;
 * starts a process. */
int bridge_open(struct bridge *b, int sock, const struct net_request *r, bridge_begun *begun,
                const char **why);
/* The relay has arrived: both ends become one connection, and nothing more is to be said about it. */
void bridge_join(struct bridge *b, int sock);
/* It has not: whoever waits for the socket gets an error now. `told`: the caller is told by its call. */
void bridge_fail(struct bridge *b, int sock, bool told);
void bridge_close(struct bridge *b);
/* The relay has arrived: what the program's end (`sock`, or the pair's) would say is remembered, peers.h. */
void bridge_note(const struct bridge *b, int sock, const struct peers_end *asked);
