/* SPDX-License-Identifier: MIT */
/*
 * The body of the answer to OPTIONS, which is read inside TLS and dropped before the program sees anything.
 *
 * PAPPL says chunked and sends no chunk at all, not even the last one: so a chunked answer of which no byte
 * was seen is optional. Its complete head is enough to go on, and the first byte that comes later decides: a
 * chunk size begins with a hexadecimal digit, the response to the program's request with "HTTP/".
 *
 * A drop is part of its owner and needs the owner's lock. Nothing here blocks or allocates: safe before init
 * and in signal handlers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "shim/http1/body.h"
#include "shim/http1/head.h"

#define HTTP1_DROP_MAX 65536U /* bytes of the body, framing included */

struct http1_drop {
    struct http1_body body;
    size_t dropped; /* bytes */
};

/* `r` is the final response to OPTIONS. One that is delimited by the end of the connection, or not at all,
 * has failed at once, and so has one that says more than HTTP1_DROP_MAX bytes. */
void http1_drop_init(struct http1_drop *d, const struct http1_response *r);

/* The bytes that follow the head, in order. Returns how many of them belong to the body, to be dropped; what
 * is left belongs to the program when done, to nobody when failed. */
size_t http1_drop_feed(struct http1_drop *d, const char *buf, size_t len);

/* Nothing more belongs to the answer. */
bool http1_drop_done(const struct http1_drop *d);
/* Nothing more must come, but it may: bytes still go through http1_drop_feed until it is done. */
bool http1_drop_optional(const struct http1_drop *d);
/* Malformed, undelimited or too large. */
bool http1_drop_failed(const struct http1_drop *d);
