/* SPDX-License-Identifier: MIT */
/*
 * The head of a response that came over TLS, as a program needs it that believes to speak plain HTTP: links
 * to https that the policy carries anyway become http, and cookies lose Secure, which such a program would
 * drop or never send back (RFC 6265 section 5.4, RFC 6265bis section 5.7).
 *
 * Only Location, Content-Location, Refresh and Set-Cookie are touched, every other byte stays. Nothing here
 * blocks or allocates: safe before init and in signal handlers.
 */
#pragma once

#include "shim/http1/head.h"

struct http1_rewrite {
    /* Would TLS be put under http://HOST:PORT, so that https://HOST:`https->port` (443 if none) is what is
     * reached? True sets *port. */
    bool (*carried)(void *context, const struct http1_authority *https, uint16_t *port);
    void *context;
    /* What the program asked for; a redirect to exactly that is a loop. */
    const struct http1_authority *asked; /* NULL: not known */
    struct http1_span target;            /* origin-form, "/path?query" */

    bool changed, loops; /* out */
};

/* Writes the head, changed or not, to `out`, and returns its length; 0: it does not fit into `cap`. A head
 * grows by 6 bytes a link at most. */
size_t http1_rewrite_head(const char *head, size_t len, struct http1_rewrite *how, char *out, size_t cap);
