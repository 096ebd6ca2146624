/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a call, by seed: BELOW=SEED[/PERCENT] in the environment, 25 percent unless told; without
 * it every call is the kernel's own. A process draws its own sequence, so that one thread meets the same
 * fates each time.
 *
 * Only what the kernel may do:
 *   A call that may wait is interrupted, and one that sends is cut short, only where a signal could do that:
 * a handler is there, is not blocked, and (but for poll and its kin, signal(7)) does not restart. POSIX lets
 * every call be interrupted, so those with MSG_DONTWAIT always may be. connect() is interrupted only where it
 * has a timeout (as ours has): few programs know that it goes on. EAGAIN and a short count stand for bytes,
 * or room, that came a moment later: where a registration is edge-triggered, there is an edge for it. What
 * was looked at (MSG_PEEK) is there: no EAGAIN and no shorter look after it. Nothing happens twice in a row,
 * or a loop would be told of no progress for ever.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

enum fate { FATE_NONE, FATE_SHORT, FATE_AGAIN, FATE_INTERRUPTED };

/* Reads the environment; before it no call is touched. */
void fate_init(void);

/* May a signal end a call that waits, with this mask (NULL: the thread's)? restarted: also one whose handler
 * restarts calls. */
bool fate_interruptible(const sigset_t *mask, bool restarted);

/* A call that moves up to *len bytes (*len shrinks with FATE_SHORT), or one of connect's. */
enum fate fate_recv(int fd, int flags, size_t *len);
enum fate fate_send(int fd, int flags, size_t *len);
bool fate_connect(int fd);
/* Is a wait interrupted? */
bool fate_wait(const sigset_t *mask);

/* What a call gave: bytes that were seen or taken. */
void fate_looked(int fd, long n);
void fate_took(int fd, long n);

/* ---- edges ---- */

/* A successful epoll_ctl() of this registration; fate_lock() and fate_unlock() around the call itself. */
void fate_registered(int set, int op, int fd, const struct epoll_event *event);
void fate_lock(void);
void fate_unlock(void);
/* Where to and what, of the registration that is owed an edge. False: of none. Under the lock. */
bool fate_edge(int fd, int *set, struct epoll_event *event);
/* The number is closed. */
void fate_forget(int fd);
