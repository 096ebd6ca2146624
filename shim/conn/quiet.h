/* SPDX-License-Identifier: MIT */
/*
 * Quiet: no signal handler of the program runs in this thread, and it is not cancelled. Held around each
 * non-blocking step, for a handler that uses a descriptor of ours, or leaves by siglongjmp(), would meet a
 * lock held by its own thread and a state half changed.
 *
 * It nests. What is kept is the thread's. There are two ways to keep a handler away:
 * - to block the thread's signals, which costs two calls of the kernel; or
 * - to let the signal come, where every handler of the program stands behind one of ours
 *   (hooks/signals.c): that one asks quiet_defers(), which keeps the signal (held.h) and blocks all.
 * quiet_end() sends it again and unblocks them, so that the kernel delivers it as if it had been blocked all
 * the time. The second one is taken once quiet_allow() was said.
 *
 * Nothing here blocks or allocates; needs no init; safe in a signal handler; errno is left alone. The signals
 * that libc keeps for itself stay, as with pthread_sigmask().
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

void quiet_begin(void);
/* The same with the signals blocked in any case: for a step in which the kernel is asked what is pending, or
 * that makes another process. */
void quiet_begin_blocked(void);
void quiet_end(void);
/* Inside, blocked: would the program have this signal delivered here? */
bool quiet_holds_back(int signal);

/* ---- for hooks/signals.c ---- */

/* Whether signals may come in the meantime: each handler of the program's asks first. */
void quiet_allow(bool signals);
/* Handler of `signal` with what the kernel gave it. True: this is no moment for it, it will come again, and
 * the handler has to return at once. False: it may go on; *info is what it was when the signal first came. */
bool quiet_defers(int signal, siginfo_t *info, void *context);

/* ---- for a sleep inside ---- */

/* What the thread was like before. */
struct quiet {
    sigset_t signals;
    int cancel, type; /* of pthread_setcancelstate() and pthread_setcanceltype() */
};

/* For a sleep inside, of a call that takes a mask (ppoll): from here on the thread may be cancelled, and a
 * handler that the call lets run with q->signals may leave it for ever. It must be the outermost quiet, and
 * a blocked one. */
void quiet_suspend(struct quiet *q);
/* Back from it: it is quiet again. */
void quiet_resume(const struct quiet *q);
/* Cancelled in it: the program's own cleanup has its signals. */
void quiet_abandon(const struct quiet *q);
