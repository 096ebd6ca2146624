/* SPDX-License-Identifier: MIT */
/*
 * Text without stdio: appends to a buffer that the caller owns and never writes behind its end.
 *
 * The text is NUL-terminated at all times (unless cap is 0). What does not fit is left out and sets `cut`,
 * which stays: after a cut nothing more is appended, so that a text never has a hole in its middle. Escapes
 * are written whole or not at all.
 *
 * May it block? No. May it allocate? No. Before init, in a signal handler: yes. errno is not touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fmt {
    char *at;
    size_t cap, len; /* len < cap: the bytes so far, without the NUL */
    bool cut;
};

/* `out` of `cap` bytes; the text is empty. cap 0 is allowed (out may be NULL then): everything is cut. */
void fmt_init(struct fmt *f, char *out, size_t cap);

void fmt_char(struct fmt *f, char c);
void fmt_str(struct fmt *f, const char *s); /* NULL appends nothing */
void fmt_strn(struct fmt *f, const char *s, size_t len);

void fmt_u64(struct fmt *f, uint64_t v);
/* Decimal, filled on the left to `width` (at most 20) with `fill`: '0' or ' '. */
void fmt_u64_fill(struct fmt *f, uint64_t v, unsigned width, char fill);
void fmt_hex(struct fmt *f, const uint8_t *data, size_t len); /* two lower-case digits a byte */
void fmt_hex_u64(struct fmt *f, uint64_t v);                  /* 16 digits */

/* Text of foreign origin for a person: bytes outside printable ASCII, and backslash, become \xNN. */
void fmt_printable(struct fmt *f, const char *text, size_t len);

/* Text with parts that fmt_printable() wrote, or its likes: backslash stays, so that an escape is not escaped
 * again. */
void fmt_escaped(struct fmt *f, const char *text);

/* Text of any origin as a JSON string with its quotes. Bytes outside printable ASCII become \u00NN, one
 * for each byte. At most `max` bytes (at least 3) stand between the quotes; a longer text is shortened and
 * ends in "...". */
void fmt_json_string(struct fmt *f, const char *text, size_t len, size_t max);

/* The text, NUL-terminated; "" if cap is 0. */
const char *fmt_text(const struct fmt *f);
