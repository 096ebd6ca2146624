/* SPDX-License-Identifier: MIT */
/* Addresses of this machine at which a caught socket and its relay meet. Pure but for reading the socket. */
#pragma once

#include "shim/net/request.h"

#include <stdbool.h>

/* The address to try at that attempt (0, 1 ...), port 0; false: there are no more. */
bool near_address(struct sockaddr_storage *out, socklen_t *len, int sock, const struct net_request *r,
                  unsigned attempt);
/* Was an address given to bind(2), or an earlier connection's kept? */
bool near_is_bound(const struct sockaddr_storage *local);
void near_put_port(struct sockaddr_storage *a, uint16_t port);
