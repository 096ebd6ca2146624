/* SPDX-License-Identifier: MIT */
/*
 * Where a message body ends (RFC 9112 sections 6 and 7), for both directions.
 *
 * Chunk lines are read as tolerantly as all readers agree: LF alone ends a line where nothing else can be
 * meant, but not within a chunk extension, where some readers look for CRLF. What is left over breaks the
 * body.
 *
 * A body is part of its owner and needs the owner's lock. Nothing here blocks or allocates: safe before init
 * and in signal handlers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/http1/head.h"

#define HTTP1_BODY_LINE_MAX HTTP1_HEAD_MAX /* bytes of a chunk line, and of all trailers together */

enum http1_body_state {
    BODY_DONE,
    BODY_LENGTH,
    BODY_SIZE,         /* at the first digit of a chunk size */
    BODY_SIZE_MORE,    /* behind a digit */
    BODY_SIZE_BLANK,   /* behind blanks that follow the size */
    BODY_EXTENSION,    /* behind the semicolon */
    BODY_SIZE_LF,      /* behind the CR of a chunk line */
    BODY_CHUNK,        /* in the data */
    BODY_CHUNK_END,    /* behind the data */
    BODY_CHUNK_LF,     /* behind the CR that follows the data */
    BODY_TRAILER,      /* at the start of a trailer line, or of the last empty line */
    BODY_TRAILER_MORE, /* within a trailer line */
    BODY_TRAILER_LF,   /* behind a CR at the start of a trailer line */
    BODY_ENDLESS,      /* to the end of the connection */
    BODY_BROKEN,
};

struct http1_body {
    enum http1_body_state state;
    unsigned line; /* bytes of the chunk line, or of the trailers, so far */
    unsigned digits;
    uint64_t left; /* bytes of a body of known length, or of the chunk */
};

/* FRAMING_UNKNOWN makes a broken body. `length` is used with FRAMING_LENGTH. */
void http1_body_begin(struct http1_body *b, enum http1_framing framing, uint64_t length);

/* Returns how many of the `len` bytes belong to the body: all, unless it is done or broken within them. */
size_t http1_body_feed(struct http1_body *b, const char *buf, size_t len);
