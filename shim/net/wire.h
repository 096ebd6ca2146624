/* SPDX-License-Identifier: MIT */
/* The socket by which a relay dials in the place of a caught one: a new one that goes the same way. */
#pragma once

#include <sys/types.h>

/* Of the kind, the network, the interface, the mark and the address that `sock` of that thread has; no port.
 * -1 with errno; *why then says what cannot be done (static), or stays. Makes a process and waits for it
 * where the socket is of another network than ours. */
int wire_like(int sock, pid_t thread, const char **why);
