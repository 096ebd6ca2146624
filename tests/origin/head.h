/* SPDX-License-Identifier: MIT */
/* A request head (RFC 9112 §2, §3, §5), read leniently: the origin wants to see what came, not to judge it.
 */
#pragma once

#include "tests/origin/stream.h"

struct head {
    char *raw; /* as it arrived, with the empty line, NUL behind */
    size_t len;
    char *line; /* the request line; the three words below point into it */
    const char *method, *target, *version;
    int minor; /* of HTTP/1.x; 0 if there is no version */
};

/* Reads a head from the current layer. False: the end came first, or 64 KiB without an empty line. Logs it.
 */
bool head_read(struct conn *c, struct head *h);
void head_free(struct head *h);

/* All values of a field, joined with ", "; false if there is none. The result is cut at size. */
bool head_field(const struct head *h, const char *name, char *out, size_t size);

/* Is TOKEN an element of the comma list in the field? Case-insensitive; an element may be TOKEN/anything
 * if prefix is set. */
bool head_has(const struct head *h, const char *field, const char *token, bool prefix);
