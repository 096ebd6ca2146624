/* SPDX-License-Identifier: MIT */
/* Starting a relay for a connection that was caught; shim/relay/program.c is what runs. */
#pragma once

#include "shim/net/request.h"

/* `wire` is to be dialled by it, `near` becomes its local side once it is connected, on `word` it tells how
 * its dial went. 0 or errno. *pid is a child of ours. Does not block. */
int start_relay(const char *path, int wire, int near, int word, const struct net_request *r, pid_t *pid);
