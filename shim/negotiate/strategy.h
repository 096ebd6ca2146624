/* SPDX-License-Identifier: MIT */
/*
 * A strategy: one way to reach TLS. It speaks in the clear until the peer agrees (step), and inside TLS until
 * the program's first byte may follow (confirm). Both are called again until they say something other than
 * STRATEGY_AGAIN; they never block, and leave in conn.want_in and conn.want_out what they wait for.
 *
 * Under the conn's lock; may allocate; not before init; signals are blocked.
 */
#pragma once

#include <stdbool.h>

struct conn;

enum strategy_rc {
    STRATEGY_AGAIN,
    STRATEGY_DONE,
    STRATEGY_REFUSED,  /* the peer will not: conn.reason and result_type are set by strategy_say() */
    STRATEGY_TAMPERED, /* someone broke the protocol */
    STRATEGY_ANSWERED, /* conn.peeked holds an answer that is for the program, not for us */
};

struct strategy {
    const char *name; /* as in `try=` */
    bool in_band;     /* the peer switches a connection that began in the clear: it has promised TLS */
    enum strategy_rc (*begin)(struct conn *c);
    enum strategy_rc (*step)(struct conn *c);
    enum strategy_rc (*confirm)(struct conn *c);
};

extern const struct strategy strategy_upgrade, strategy_implicit, strategy_connect;

/* Leaves why the strategy ended; `parts` are joined. Returns rc. */
enum strategy_rc strategy_say(struct conn *c, enum strategy_rc rc, const char *result_type,
                              const char *const parts[]);
#define STRATEGY_SAY(c, rc, type, ...) strategy_say(c, rc, type, (const char *const[]){__VA_ARGS__, NULL})
