/* SPDX-License-Identifier: MIT */
/*
 * What the fields of a head say about the message: its framing (RFC 9112 section 6), the fate of the
 * connection (section 9.3), and whom it is for. Requests and responses share it.
 *
 * The spans borrow the head. Nothing here blocks or allocates: safe before init and in signal handlers.
 */
#pragma once

#include <stdint.h>

#include "shim/http1/head.h"
#include "shim/http1/reader.h"

struct http1_facts {
    unsigned fields;
    bool has_length, bad_length; /* Content-Length: given; not a number, or several that differ */
    uint64_t length;             /* bytes */
    bool has_coding, bad_coding; /* Transfer-Encoding: given; empty, or with something behind chunked */
    bool chunked;
    bool close, keep_alive; /* options of Connection */
    bool upgrade;           /* has an Upgrade field */
    unsigned hosts;         /* Host fields */
    struct http1_span host; /* the value of the last one */
};

/* Reads all fields behind the start line. */
void http1_facts_read(struct http1_facts *f, struct http1_reader *r);

/* The framing of an HTTP/1.`minor` message. `otherwise` is what a message without framing fields has:
 * FRAMING_NONE for requests, FRAMING_CLOSE for responses (RFC 9112 section 6.3 rules 7 and 8). */
enum http1_framing http1_facts_framing(const struct http1_facts *f, unsigned minor,
                                       enum http1_framing otherwise);

/* True if the connection does not persist (RFC 9112 section 9.3). */
bool http1_facts_close(const struct http1_facts *f, unsigned minor);
