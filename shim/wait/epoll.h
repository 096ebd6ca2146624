/* SPDX-License-Identifier: MIT */
/*
 * epoll for sets that hold conns: registrations (epoll_reg.c), what becomes of them when a conn changes
 * (epoll_notice.c), and waiting (epoll_wait.c).
 *
 * The program's epoll descriptor stays what it is. For a conn the kernel is told a mask of ours and, as data,
 * which of our records it is; the program's events and data are kept beside it. What a conn has that the
 * kernel does not know (decrypted bytes, room in the buffer before TLS is up, a refusal) puts its record on
 * the set's ready list. A wait looks at that list and at what the kernel gives, never at all records.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

/* ---- cheap questions: a bounds check and two loads; safe anywhere ---- */

/* Does this epoll set hold conns? */
bool epoll_is_ours(int set);
/* Can a wait on it go straight to the kernel? Not if another thread may put a conn into it meanwhile. */
bool epoll_is_foreign(int set);
/* Has it something to give that the kernel does not know? */
bool epoll_is_ready(int set);

/* ---- the program's calls ---- */

/* A number just became an epoll set. Maps memory once in a while. */
void epoll_created(int set);
/* As epoll_ctl(2); errno is left for the caller. Does not block; may map memory. */
int wait_epoll_ctl(int set, int op, int fd, struct epoll_event *event);

struct epoll_call {
    int set;
    struct epoll_event *events;
    int max;
    int64_t timeout_ns; /* -1: never */
    bool precise;       /* epoll_pwait2: the kernel is asked in nanoseconds */
    const sigset_t *mask;
};
/* As epoll_pwait2(2). Blocks; a cancellation point. Not before init, not in a signal handler. */
int wait_epoll(const struct epoll_call *call);

/* ---- for wait/ and the conn ---- */

/* A thread is about to sleep on this set (+1), or has slept (-1): raised before it looks at the ready list,
 * so that whoever fills it knows that somebody must be woken. Nothing happens in a process with one thread.
 */
void epoll_count_waiter(int set, int by);

/* Whoever waits for a set otherwise than by epoll_wait() keeps the clock of its conns: the nearest deadline,
 * or WAIT_FOREVER. What is overdue makes the set ready. No lock; safe anywhere. */
uint64_t epoll_watch_number(int set);
/* The same for all sets that are inside others. */
uint64_t epoll_watch_nested(void);

/* conn_on_change, conn_on_gone: under the conn's lock. May make system calls that do not block. */
void epoll_notice(struct conn *c);
void epoll_drop(struct conn *c);
/* conn_on_replaced: the same registrations, of the socket that a number names afterwards, and the kernel's
 * alone. Under the conn's lock. */
void epoll_replace(struct conn *c, bool done);
/* conn_on_govern: registrations that `fd` had before connect() become ours. Under the conn's lock. */
void epoll_adopt(struct conn *c, int fd);
/* conn_on_forget: the number means something else from now on. No lock. Nearly free for numbers that were
 * never of interest. */
void epoll_forget(int fd);

/* conn_on_duplicate: the kernel made `to` a duplicate of `from`. No lock. */
void epoll_duplicated(int from, int to);

/* The child of fork() has no other threads. */
void epoll_after_fork(void);
