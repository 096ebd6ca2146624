/* SPDX-License-Identifier: MIT */
/*
 * The relay as a program of its own, build/libtlsup-relay beside libtlsup.so: for connections on which
 * nothing of TLS has begun. It is told where the connection goes and what the names are, and runs the same
 * conn code under the same policy.
 */
#pragma once

struct conn;
struct pair;

/* Starts it with the pair's end and the connection. 0 or errno. The conn's lock is held. Blocks for about a
 * millisecond; allocates; not in a signal handler. */
int spawn_relay(const struct conn *c, const struct pair *p);
