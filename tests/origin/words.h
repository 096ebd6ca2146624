/* SPDX-License-Identifier: MIT */
/* A line of a script, taken apart: words between white space, "strings" with escapes, # begins a comment.
 * Pure, but for malloc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 64

struct word {
    char *text; /* NUL behind; a string may have NULs inside */
    size_t len;
    bool quoted;
};

struct words {
    struct word word[WORDS_MAX];
    size_t n;
};

/* False: err says why; the words so far are to be freed all the same. */
bool words_split(struct words *w, const char *line, char *err, size_t err_size);
void words_free(struct words *w);
