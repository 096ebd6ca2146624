/* SPDX-License-Identifier: MIT */
/*
 * The program's signal handlers, behind one of ours: see signals.c. None of these waits or allocates, and all
 * leave errno alone.
 */
#pragma once

/* There is a connection that is governed: from now on handlers are put behind ours. Once for all; not before
 * init; safe in a signal handler. */
void signals_watch(void);
/* A handler is installed, or may be, by a call that is not seen: steps block the signals from now on. */
void signals_past_us(void);
/* In the child of a fork. */
void signals_after_fork(void);
