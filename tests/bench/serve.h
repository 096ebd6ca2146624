/* SPDX-License-Identifier: MIT */
#ifndef TLSUP_TESTS_BENCH_SERVE_H
#define TLSUP_TESTS_BENCH_SERVE_H

#include "tests/bench/link.h"

/* What became of a connection */
struct served {
    const char *way;                      /* "plain", "implicit", "upgrade" */
    unsigned long long requests, in, out; /* in and out: bytes of bodies, and of round trips */
};

/* Answers what comes on LINK until its end. A plain connection that asks for TLS (RFC 2817 section 3.2) gets
 * it. Blocks. */
void serve(struct link *link, struct served *served);

#endif
