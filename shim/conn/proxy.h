/* SPDX-License-Identifier: MIT */
/*
 * A destination that is an HTTP proxy (proxy=yes): what counts is whom a request is for, and each one that
 * follows on the connection may be for somebody else. So also what goes to a proxy in the clear is watched,
 * head by head (clear.c).
 *
 * Under the conn's lock; does not block; not before init; signals are blocked.
 */
#pragma once

#include "shim/conn/conn.h"

/* What a program asks of a proxy with this request. Pure. */
enum conn_asks proxy_asks(const struct http1_request *r);
/* True if the conn's destination is a proxy, by what is known of it: conn.verdict is then the strictest of
 * the proxy's own line and the lines of whom the request is for. */
bool proxy_look_up(struct conn *c);
/* The verdict is at least `may`: true if TLS is to be reached through a tunnel of ours. False: something else
 * was decided. */
bool proxy_wants_tunnel(struct conn *c);
/* TLS with the origin is up. If it was a tunnel that the program asked for, it gets the answer that it waits
 * for, and what it says in it goes inside. */
void proxy_tunnel_made(struct conn *c);
/* May a later request follow on this connection? */
bool proxy_covers(const struct conn *c, const struct http1_request *r);
/* The proxy's answer, in conn.head, is for the program: it gets it as the one to its request, of which
 * nothing was sent and which is dropped. A conn that has sent nothing is left. */
void proxy_answered(struct conn *c);

/* ---- clear.c ---- */

/* The clear is allowed: CONN_OPEN with a session that is none. */
void clear_begin(struct conn *c);
