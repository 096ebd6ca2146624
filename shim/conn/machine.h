/* SPDX-License-Identifier: MIT */
/*
 * The machine of a conn: what happens next, and how it came out (state.c, decide.c, outcome.c).
 * Needs the conn's lock unless it says otherwise; what conn.h says of all of them holds here.
 */
#pragma once

#include "shim/conn/conn.h"

void conn_enter(struct conn *c, enum conn_event event);
void conn_advance(struct conn *c);

static inline bool conn_negotiating(const struct conn *c)
{
    const unsigned on_the_way =
        1U << CONN_DIAL | 1U << CONN_NEGOTIATE | 1U << CONN_HANDSHAKE | 1U << CONN_CONFIRM;
    return on_the_way >> c->state & 1U;
}

/* What the kernel says of the socket is for the machine, not for the program. */
static inline bool conn_is_early(const struct conn *c)
{
    return c->state == CONN_REACH || c->state == CONN_SNIFF || conn_negotiating(c);
}
/* Nanoseconds of CLOCK_MONOTONIC at which the machine must be advanced though nothing happened; 0: never. */
uint64_t conn_deadline(const struct conn *c);

/* Names known now must do: decides although the head did not show an authority, if it is the thread that
 * wrote what is held which now waits. */
void conn_decide_anyway(struct conn *c);
/* Looks at what is held and decides if it can (SNIFF). */
void conn_sniff(struct conn *c);
/* TCP is there and the rule says when=connect: decides by the names known, if they are enough. */
void conn_decide_at_connect(struct conn *c);
/* CANDIDATE: did the server speak before the program did? RC_OK: it did, and the state says what follows.
 * RC_AGAIN: there is nothing. RC_PASS: an end or an error, which is the program's to see. */
enum conn_rc conn_server_spoke(struct conn *c);
/* The one place that enters CONN_PLAIN; `grant` is the policy's reason. */
void conn_enter_plain(struct conn *c, const char *grant, const char *action);
/* Keeps why it failed, or will: result_type is static, `parts` are joined and escaped to printable ASCII. */
void conn_say(struct conn *c, const char *result_type, const char *const parts[]);
/* A strategy or the connection failed: falls back where the level says so, refuses otherwise. `parts` are
 * joined. */
void conn_fail(struct conn *c, enum conn_failure kind, int error, const char *result_type,
               const char *const parts[]);
/* Refuses what was reported already: a descriptor that cannot be used but past us. */
void conn_shut(struct conn *c, int error);
#define CONN_FAIL(c, kind, error, type, ...)                                                                 \
    conn_fail(c, kind, error, type, (const char *const[]){__VA_ARGS__, NULL})
/* Behind a proxy: the port of the origin where TLS is. */
uint16_t conn_tunnel_port(const struct conn *c);
/* Does a later request's authority stay within what the certificate and the rule cover? */
bool conn_covers(const struct conn *c, const struct http1_request *r);
