/* SPDX-License-Identifier: MIT */
/*
 * Quiet: no signal handler of the program runs in this thread, and it is not cancelled. Held around each
 * non-blocking step, for a handler that uses a descriptor of ours, or leaves by siglongjmp(), would meet a
 * lock held by its own thread and a state half changed.
 *
 * It nests: the mask is asked of the kernel once, by the outermost of them. As no handler runs inside, what
 * is kept per thread is never seen half done. Nothing here blocks or allocates; needs no init; safe in a
 * signal handler; errno is left alone. The signals that libc keeps for itself stay, as with
 * pthread_sigmask().
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

void quiet_begin(void);
void quiet_end(void);
/* Inside: would the program have this signal delivered here? */
bool quiet_holds_back(int signal);

/* What the thread was like before. */
struct quiet {
    sigset_t signals;
    int cancel, type; /* of pthread_setcancelstate() and pthread_setcanceltype() */
};

/* For a sleep inside, of a call that takes a mask (ppoll): from here on the thread may be cancelled, and a
 * handler that the call lets run with q->signals may leave it for ever. It must be the outermost quiet. */
void quiet_suspend(struct quiet *q);
/* Back from it: it is quiet again. */
void quiet_resume(const struct quiet *q);
/* Cancelled in it: the program's own cleanup has its signals. */
void quiet_abandon(const struct quiet *q);
