/* SPDX-License-Identifier: MIT */
/*
 * Words of a policy text.
 *
 *   text    = *( line LF )
 *   line    = [ word *( blank word ) ] [ comment ]     a word in the first column starts a rule; a line that
 *                                                      begins with a blank continues the rule before it
 *   comment = "#" to the end of the line, at its start or after a blank
 *   word    = bytes other than blank and LF; blank = space, tab, CR
 *
 * There is no quoting. Words are given as NUL-terminated strings inside the text itself, which is written to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/diag.h"

struct lex {
    char *at, *end, *line_start;
    unsigned line;
};

struct lex_word {
    char *text; /* NUL-terminated, but may hold NUL bytes of the file: see `len` */
    size_t len;
    struct diag_place place;
    bool starts_rule;
};

/* `text[len]` must be writable: it becomes the last word's end. Neither function blocks or allocates. */
void lex_begin(struct lex *l, char *text, size_t len);
/* The next word; false at the end of the text. */
bool lex_next(struct lex *l, struct lex_word *out);
/* Where byte `offset` of the word stands. */
struct diag_place lex_place(const struct lex_word *w, size_t offset);
/* The offset of the first control character (NUL included), or the word's length if it has none. */
size_t lex_control(const struct lex_word *w);
