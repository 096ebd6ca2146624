/* SPDX-License-Identifier: MIT */
/*
 * Starting a process that belongs to nobody. The one that starts it ends at once and is waited for, its end
 * raises no signal and no wait() of the program sees it; so the relay is the child of init (or of a
 * subreaper) from its first moment.
 */
#pragma once

/* AddressSanitizer does not know the stack that these functions run on, and says so. */
#define ON_ANOTHER_STACK __attribute__((no_sanitize_address))

/*
 * Runs `start` in a process that shares this one's memory, while the calling thread is stopped; what it
 * starts must not be waited for. `start` runs on a stack of its own, sets *(int *) results through `arg`, and
 * ends by returning. Signals must be blocked. Blocks until `start` has returned. 0 or errno.
 */
int child_run(int (*start)(void *arg), void *arg);

/* In `start`: a child that shares the memory too and runs `body` until that gives the memory up by an exec or
 * ends. 0 or errno. */
int child_run_until_exec(int (*body)(void *arg), void *arg);
