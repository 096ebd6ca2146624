/* SPDX-License-Identifier: MIT */
/*
 * What hooks do to descriptor numbers in common. None of these sets errno; all are for the process that the
 * table belongs to (a vfork child changes nothing). May allocate; do not block; not in a signal handler of a
 * program that was interrupted in the same call on the same number.
 */
#pragma once

#include "shim/relay/relay.h"

#include <stdbool.h>
#include <sys/uio.h>

struct conn;

/* libc just gave this number for something new: what stood there was closed unseen. `bits` are the new
 * slot's. */
void numbers_came(int fd, unsigned bits);
/* `to` is a duplicate of `from`, which is no conn, and what stood there is forgotten. */
void numbers_doubled(int from, int to);
/* The number is about to be closed or replaced: a conn says goodbye. */
void numbers_go(int fd);
/* The process ends: what close() would have done for each number, except that it stays. */
void numbers_end(void);
/* A conn is there: if one of its numbers is 0, 1 or 2, or the program made a FILE of one before connect(),
 * stdio would use it past us, and a relay gets it. False: none could be started; the conn is refused and
 * errno set. */
bool numbers_leave_stdio(struct conn *c, int fd);
/* The conn at fd is forgotten but the socket stays, with all its numbers: what the program believes of
 * FD_CLOEXEC becomes true again. */
void numbers_free(int fd);
/* A socket that is not governed after all. */
void numbers_forget(int fd);

/* Is there a conn at fd? One that another process connected, which shares the socket, becomes one now. */
bool numbers_governed(int fd);
/* The same, before these bytes go out there: the first ones to a port that no line names are looked at. */
bool numbers_governed_out(int fd, const struct iovec *iov, size_t n);
/* The conn at fd with a reference, unless it is one whose bytes pass in the clear by now. */
struct conn *numbers_sealed(int fd);
bool numbers_is_sealed(int fd);
/* In a child of vfork, which runs in our memory with descriptors of its own: is this one our conn? Whatever
 * lets it survive the exec that follows would carry the raw socket away. No message: the memory is not the
 * child's. */
bool numbers_are_parents(int fd);
/* May fd go through this door (relay/relay.h)? True: make the call. False: errno says why not. Also for a
 * child of vfork, which is told EOPNOTSUPP. */
bool numbers_may_pass(int fd, enum door door);
