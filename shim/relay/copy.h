/* SPDX-License-Identifier: MIT */
/*
 * The relay as a copy of this process: for connections whose TLS has begun, for a session cannot be written
 * down and read again. A fork() without exec, which touches only the conn and the engine; all signals
 * blocked; every other descriptor closed. Other threads are held outside the engine while the copy is made.
 */
#pragma once

struct conn;
struct pair;

/* Makes it. 0 or errno. The conn's lock is held, and no other conn's by this thread; only one thread at a
 * time. Blocks until the other threads have left the engine, and for the fork(). */
int copy_relay(struct conn *c, const struct pair *p);
