/* SPDX-License-Identifier: MIT */
/*
 * CONN_OPEN, what the server says: its framing is watched, and where the rule says redirects=rewrite the
 * heads of its responses are held until they are whole and given to the program as it needs them.
 *
 * Under the conn's lock; does not block; may allocate; not before init; signals are blocked.
 */
#pragma once

#include "shim/conn/conn.h"

/* Bytes that go to the program as they are. */
void incoming_watch(struct conn *c, const char *buf, size_t len);
/* Bytes of the server at buf; returns how many of them, from the first on, are the program's as they stand
 * there (none unless in_place). The rest is kept, whole heads rewritten. */
size_t incoming_sift(struct conn *c, const char *buf, size_t len, bool in_place);
/* Takes what was kept. False: nothing is. */
bool incoming_take(struct conn *c, char *buf, size_t cap, size_t *got);
/* No more will come: a head that is not whole is the program's as it is. */
void incoming_end(struct conn *c);
/* A request goes out: what a redirect to itself would be. */
void incoming_asked(struct conn *c, const struct http1_request *r);
/* Is what the engine has perhaps not for the program yet? */
static inline bool incoming_sifts(const struct conn *c)
{
    return c->verdict.rule->redirects_rewrite && !c->grant; /* what came in the clear stays as it is */
}
