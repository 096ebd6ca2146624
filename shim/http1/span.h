/* SPDX-License-Identifier: MIT */
/*
 * Pieces of a buffer that somebody else owns. A span never owns and is never NUL-terminated; an empty one may
 * have any `at`. Nothing here blocks or allocates: safe before init and in signal handlers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct http1_span {
    const char *at;
    size_t len;
};

/* Compares with a NUL-terminated text: ASCII letters of either case are equal in the first, not in the
 * second. */
bool http1_span_is(struct http1_span s, const char *text);
bool http1_span_exactly(struct http1_span s, const char *text);

/* Without the SP and HTAB at both ends. */
struct http1_span http1_span_trim(struct http1_span s);

/* Where its first control byte other than HTAB is; its length if there is none. */
size_t http1_span_control(struct http1_span s);
/* True if a byte of it is one. */
bool http1_span_has_control(struct http1_span s);
/* True if it is a token (RFC 9110 section 5.6.2): not empty, tchar only. */
bool http1_span_is_token(struct http1_span s);

/* Cuts off and returns what stands before the first `mark`, and drops that mark; all of *s if there is none.
 */
struct http1_span http1_span_split(struct http1_span *s, char mark);

/* Cuts the next member off a comma list, trimmed; empty members are skipped (RFC 9110 section 5.6.1.2). False
 * when the list is used up. Quoted strings are not known here: no list that we read has them. */
bool http1_next_member(struct http1_span *list, struct http1_span *member);
