/* SPDX-License-Identifier: MIT */
#ifndef TLSUP_TESTS_BENCH_SERVE_H
#define TLSUP_TESTS_BENCH_SERVE_H

#include "tests/bench/link.h"

/* What came on a connection, since the last time it was told */
struct served {
    const char *way;                      /* "plain", "implicit", "upgrade" */
    unsigned long long requests, in, out; /* in and out: bytes of bodies, and of round trips */
};

typedef void serve_told(const struct link *, const struct served *);

/* Answers what comes on LINK until its end. A plain connection that asks for TLS (RFC 2817 section 3.2) gets
 * it. What came is told at the end, and whenever a body was taken: a proxy may keep the connection. Blocks.
 */
void serve(struct link *link, struct served *served, serve_told *told);

#endif
