/* SPDX-License-Identifier: MIT */
/*
 * The lines and fields of a head, for both tempers: the reader accepts everything and notes each liberty that
 * the sender took; the strict parser refuses every one of them, the tolerant ones only those that make two
 * readers split the same bytes differently.
 *
 * A reader lives on its caller's stack and borrows the head. Nothing here blocks or allocates: safe before
 * init and in signal handlers.
 */
#pragma once

#include "shim/http1/span.h"

enum http1_liberty {
    LINE_CRLF = 1,     /* no liberty: a line ended in CRLF */
    LINE_LF = 2,       /* a line ended in LF alone (RFC 9112 section 2.2) */
    LIBERTY_FOLD = 4,  /* obs-fold (RFC 9112 section 5.2) */
    LIBERTY_NAME = 8,  /* no colon, or a name that is no token: also white space before the colon */
    LIBERTY_BYTE = 16, /* a bare CR, NUL or other control byte in a line */
};

struct http1_reader {
    const char *head;
    size_t len, at;     /* bytes of the head; bytes read of it */
    unsigned liberties; /* of the lines read so far */
    bool ended;         /* the blank line was read */
};

void http1_reader_init(struct http1_reader *r, const char *head, size_t len);

/* Reads the start line, behind at most `skip` empty lines. False: no line there. Its control bytes are for
 * the caller to judge. */
bool http1_reader_start(struct http1_reader *r, unsigned skip, struct http1_span *line);

/* Reads the next field; the value is trimmed of SP and HTAB; a folded one holds its line ends. A line without
 * colon is a name without value. False at the blank line (then r->ended), and where the bytes stop. */
bool http1_reader_field(struct http1_reader *r, struct http1_span *name, struct http1_span *value);

/* True if all lines read are such that every reader splits them alike: names are tokens, no control bytes. */
bool http1_reader_sound(const struct http1_reader *r);
