/* SPDX-License-Identifier: MIT */
/*
 * select's truth for sets that hold a conn, by way of wait_poll().
 *
 * Blocks as select(2) and is a cancellation point. Maps memory for more than 32 descriptors. Not before init.
 * Safe in a signal handler. errno is left for the caller to pass on. The sets are bitmaps of `n` bits, as the
 * kernel takes them: more than FD_SETSIZE is allowed.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/select.h>
#include <time.h>

struct select_sets {
    int n;
    fd_set *in, *out, *special; /* each may be NULL */
};

/* Is one of the descriptors ours? Cheap; safe anywhere. */
bool wait_select_ours(const struct select_sets *sets);

/* As pselect(2), with nanoseconds that are left in *left (-1: there was no timeout); left may be NULL. */
int wait_select(const struct select_sets *sets, const struct timespec *timeout, const sigset_t *mask,
                int64_t *left);
