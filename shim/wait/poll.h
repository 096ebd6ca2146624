/* SPDX-License-Identifier: MIT */
/*
 * poll's truth for sets that hold a conn (or an epoll set that has one).
 *
 * Blocks as ppoll(2) and is a cancellation point. Maps memory for more than 32 entries. Not before init. Safe
 * in a signal handler. errno is left for the caller to pass on.
 */
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

/* Is one of the entries ours? No: the real call is to be made with what the program gave. Cheap; safe
 * anywhere. */
bool wait_poll_ours(const struct pollfd *fds, nfds_t n);

/* As ppoll(2): the number of entries with revents, 0, or -1 with errno. */
int wait_poll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
