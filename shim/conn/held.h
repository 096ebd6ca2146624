/* SPDX-License-Identifier: MIT */
/*
 * Signals that came while a step was under way, kept until its end and sent to the same thread again. The
 * kernel delivers them then, with the handler's mask and on its stack; what they carried is given back here.
 *
 * Nothing here blocks or allocates; needs no init; safe in a signal handler; errno may change. A handler that
 * runs within another one of its thread may keep or take one in between.
 */
#pragma once

#include <signal.h>
#include <stdint.h>

/* Keeps it. Where there is no room it is sent again at once, and the thread's signals must be blocked when
 * the handler that asks has returned. */
void held_keep(int signal, siginfo_t *info);

/* Sends those of this thread, all of whose signals are blocked; they come as soon as they are not. Gives what
 * held_settle() wants to know. */
uint64_t held_send(void);
/* They have come by now, unless somebody ignores them. */
void held_settle(uint64_t sent);

/* In the handler: if this is one that comes again, *info becomes what it was the first time. */
void held_come_back(int signal, siginfo_t *info);

/* In the child of a fork: what was sent, and what other threads kept, is the parent's. */
void held_after_fork(void);
