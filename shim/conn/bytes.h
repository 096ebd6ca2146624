/* SPDX-License-Identifier: MIT */
/*
 * The program's bytes and its readiness, in every state (io.c, ready.c), and what the states do for it
 * (open.c, outgoing.c, plain.c). Needs the conn's lock unless it says otherwise; what conn.h says of all of
 * them holds here.
 */
#pragma once

#include "shim/conn/conn.h"

/* Takes bytes of the program; *taken counts those that are accepted for good. */
enum conn_rc conn_send(struct conn *c, const char *buf, size_t len, size_t *taken);
/* True while bytes that a blocking program has given are not yet on their way. */
bool conn_settling(const struct conn *c);
/* peek_from: how many bytes from the next one on to look without taking them; CONN_TAKE: takes. */
enum conn_rc conn_recv(struct conn *c, char *buf, size_t cap, size_t peek_from, size_t *got);
#define CONN_TAKE SIZE_MAX
/* Bytes that recv would give now (FIONREAD). */
size_t conn_readable(struct conn *c);
enum conn_rc conn_shutdown(struct conn *c, int how);
/* CONN_OPEN, used by this process, with nothing here to read and nothing to be done first: what a read would
 * say is the socket's alone to know. A look without the lock, for a process with one thread. */
bool conn_is_dry(const struct conn *c);
/* A look at the socket was given its error, which the kernel gives only once. */
void conn_met_error(struct conn *c, int error);
/* The error of a connection that is gone, which one call tells; 0: none. */
int conn_tell_error(struct conn *c);
/* The same where the kernel may have it still (SO_ERROR): it is taken there, too. */
int conn_take_error(struct conn *c);
/* The error that a call was given is not told by it, as it had moved bytes: the next one tells it. */
void conn_keep_error(struct conn *c);
/* Have both sides ended it? TCP would have no connection any more (ENOTCONN). */
bool conn_is_over(const struct conn *c);
/* poll's truth for `interest` (POLLIN, POLLOUT …), given what the kernel said (0 if it was not asked). */
short conn_ready(struct conn *c, short interest, short kernel);
/* What to ask the kernel for so that nothing of `interest` is missed. */
short conn_kernel_interest(struct conn *c, short interest);

void plain_flush(struct conn *c); /* CONN_PLAIN: what was held goes first */
/* CONN_PLAIN at level may, before the program reads: does the server ask for TLS (RFC 2817 section 4.2)? The
 * next connection is told. Takes nothing off the socket. */
void plain_look(struct conn *c);

/* open.c, outgoing.c: CONN_OPEN's part of the above */
enum conn_rc outgoing_broke(struct conn *c);
/* Sends what may go; stops at a head that is not complete (RC_OK with *taken < len and head_partial). */
enum conn_rc outgoing_forward(struct conn *c, const char *buf, size_t len, size_t *taken);
void open_flush(struct conn *c);
enum conn_rc open_write(struct conn *c, const char *buf, size_t len, size_t *taken);
enum conn_rc open_read(struct conn *c, char *buf, size_t cap, size_t *got);
bool open_readable(struct conn *c, size_t least);
/* Takes plaintext off the engine and keeps it until it is read, `least` bytes of it if there are as many. */
enum conn_rc peek_fill(struct conn *c, size_t least);
void open_response_done(struct conn *c);
void open_goodbye(struct conn *c);

/* Does this process hold plaintext, or ciphertext, that the kernel knows nothing of? */
static inline bool conn_pending(const struct conn *c)
{
    return buffer_len(&c->sifted) || (c->tls && c->engine->pending(c->tls));
}
