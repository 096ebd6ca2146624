/* SPDX-License-Identifier: MIT */
/*
 * What strategies do that begin in the clear: say something of ours (conn.ask), and read one answer's head
 * off the socket without a byte of what follows. Under the conn's lock; does not block; allocates.
 */
#pragma once

#include "shim/http1/head.h"
#include "shim/negotiate/strategy.h"

#include <sys/types.h>

#define DIALOGUE_INTERIM_MAX 8U /* 1xx responses before the final one (RFC 9110 section 15.2) */

/* How much can be read right now, without taking it? 0: the peer closed; -1: nothing, errno says why. */
ssize_t dialogue_peek(struct conn *c, char *buf, size_t cap);
/* Before our first word: nothing may be readable (RFC 9112 section 9.2). DONE or TAMPERED. */
enum strategy_rc dialogue_begin(struct conn *c);
/* Sends what is left of conn.ask. `instead_of`: of what the peer closes the connection. */
enum strategy_rc dialogue_say(struct conn *c, const char *instead_of);
/* DONE: conn.head holds exactly one head of *len bytes. A partial one is taken whole, so that a dribble costs
 * one wake-up a segment. */
enum strategy_rc dialogue_take_head(struct conn *c, const char *instead_of, size_t *len);
/* Behind the head that agrees, before our ClientHello: everything that is readable now is injection.
 * `behind`: which head that was. */
enum strategy_rc dialogue_end(struct conn *c, const char *instead_of, const char *behind);
/* The connection ended: error is errno, 0 at the end of the stream. REFUSED. */
enum strategy_rc dialogue_lost(struct conn *c, int error, const char *instead_of);
/* Inside TLS: what the handshake still has to send. False: it is not all out. */
bool dialogue_flush(struct conn *c);
/* Inside TLS, where nothing was asked yet: nothing may have been said, either (SECURITY L7). */
enum strategy_rc dialogue_confirm_silence(struct conn *c);
/* Three digits. Returns `out`. */
const char *dialogue_status(unsigned status, char out[4]);
