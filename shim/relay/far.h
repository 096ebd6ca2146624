/* SPDX-License-Identifier: MIT */
/* A relay that a supervisor has started (shim/net/): it dials, says how that went, and meets the program. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

struct conn;

#define RELAY_WORD                                                                                           \
    5 /* to the supervisor: an int, the errno of the dial or 0; its end: nobody waits any more */

/* Dials RELAY_TCP by the plan of the conn (NULL: it was refused with `error`), tells, and waits until
 * RELAY_LOCAL is connected. False: there is nothing to carry. Blocks as long as TCP takes. */
bool far_meet(struct conn *c, const struct sockaddr_storage *peer, socklen_t len, int error);
