/* SPDX-License-Identifier: MIT */
/*
 * One look at a conn on behalf of a wait: drives its machine and says what is true.
 *
 * Under the conn's lock; does not block; may allocate; not before init; safe in a signal handler as the lock
 * is.
 */
#pragma once

#include <stdbool.h>

struct conn;

/* The poll bits of `events` that are true, given that the kernel said `kernel` (0: not asked). `waits`: the
 * program is prepared to sleep for them, so it is not about to write unless it asks for POLLOUT (DESIGN
 * section 3, SNIFF). */
short look_at(struct conn *c, short events, short kernel, bool waits);
