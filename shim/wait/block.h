/* SPDX-License-Identifier: MIT */
/*
 * Sleeping until a conn may have something new, and being woken by another thread that took it off the
 * kernel.
 *
 * A conn's readiness lives partly in this process, so the kernel cannot wake a thread for all of it. In a
 * process with several threads a sleeper therefore lists an eventfd, made for that one call, with each conn
 * it waits for; whoever changes a conn writes to those. The list is kept under the conn's lock: a thread that
 * lists itself before its last look at the state cannot miss a change.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct conn;
struct waiter;

#define WAIT_FOREVER UINT64_MAX

/* ---- time: nanoseconds of CLOCK_MONOTONIC. No lock, no allocation, safe anywhere ---- */

/* A valid timeout as nanoseconds; NULL, or one that is centuries long: -1. */
int64_t wait_span(const struct timespec *timeout);
/* When a timeout that starts now is over; NULL: never. */
uint64_t wait_until(const struct timespec *timeout);
/* The same for nanoseconds; negative: never. */
uint64_t wait_until_ns(int64_t timeout_ns);
/* What is left: 0 when it is over, -1 for WAIT_FOREVER. */
int64_t wait_left(uint64_t until);
/* As ppoll wants it: NULL for a negative number, else *store. */
const struct timespec *wait_timespec(int64_t ns, struct timespec *store);

/* ---- what a descriptor says of waiting: system calls of the moment ---- */

/* SO_SNDTIMEO or SO_RCVTIMEO, in nanoseconds; -1: none. */
int64_t wait_patience(int fd, int option);
/* O_NONBLOCK? */
bool wait_is_forbidden(int fd);
/* Does a call that sleeps go on after this signal, as far as its disposition says? */
bool wait_restarts(int signal);
/* Handlers of these are for faults (sanitizers and virtual machines install some): no sleep ends by them. */
bool wait_is_fault(int signal);

/* ---- one thread, one conn ---- */

/*
 * As pthread_cond_wait(): called with the conn locked, right after a look that found nothing to do; unlocks
 * it, sleeps until `fd` is ready for `events` (0: for none), another thread changed the conn, the conn's own
 * deadline passed, or `timeout_ns` is over (-1: never), and locks it again.
 *
 * 1: look again.  0: timeout_ns is over.  -1: a signal handler ran and the call is to fail with EINTR, which
 * is what TCP does if there is a timeout (signal(7)) or a handler without SA_RESTART. A thread that is alone
 * and waits to read lets the kernel say which; else which one ran cannot be known, and one of that kind is
 * enough.
 *
 * Blocks. A cancellation point: the lock is not held then, and what was taken here is released, and with it
 * the caller's reference to the conn, as the call never comes back. Does not allocate memory; in a process
 * with threads it makes a descriptor. Not before init; safe in a signal handler.
 */
int wait_conn(struct conn *c, int fd, short events, int64_t timeout_ns);

/*
 * Sleeps in a recv() that takes nothing, on a conn that is not locked, for as long as one of the program's
 * would: the kernel knows O_NONBLOCK, SO_RCVTIMEO, and which handler ran, with SA_RESTART or without. Only
 * where nobody but the kernel can have something to read (conn_is_dry(), one thread).
 *
 * 0: there is a byte, or the end.  EAGAIN, EINTR: the call's answer.  Another errno: the socket's, taken off
 * it (conn_met_error()). Blocks; a cancellation point as wait_conn(). Safe in a signal handler.
 */
int wait_byte(struct conn *c, int fd);

/* ---- one call, many conns ---- */

struct wait_group {
    int wake;   /* an eventfd, or -1: nobody else can change a conn, or there is no descriptor left */
    bool blind; /* should have one but has not: sleep in short naps */
    struct waiter *first;
};

/* Nothing is waited for yet. Neither blocks nor allocates. */
void wait_group_init(struct wait_group *g);
/* Lists the caller, who is about to sleep for `events` of the kernel, with `c`, which is locked and was
 * looked at just now; takes a reference the first time. Does nothing in a process with one thread. */
void wait_group_join(struct wait_group *g, struct conn *c, int fd, short events);
/* The longest that the group may sleep of `ns`. */
int64_t wait_group_nap(const struct wait_group *g, int64_t ns);
/* Takes what was written to the eventfd. */
void wait_group_drain(const struct wait_group *g);
/* Leaves all conns and closes the eventfd. No lock may be held. */
void wait_group_leave(struct wait_group *g);

/* Wakes those threads that sleep on `c`, which is locked, and saw something else when they last looked.
 * Comparing, and not waking at each change, keeps two sleepers from waking each other for ever by looking.
 * Does not block. */
void wait_wake(struct conn *c);

/* The child of fork() has no other threads. */
void wait_block_after_fork(void);
