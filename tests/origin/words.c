/* SPDX-License-Identifier: MIT */
#include "tests/origin/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads one escape behind the backslash; how many characters it took, 0 if there is no such escape. */
static size_t escape(const char *p, char *out)
{
    static const char from[] = "rnt0\\\"", to[] = "\r\n\t\0\\\"";
    const char *known = *p ? strchr(from, *p) : NULL;

    if (known) {
        *out = to[known - from];
        return 1;
    }
    if (*p == 'x' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
        char hex[3] = {p[1], p[2], '\0'};
        *out = (char)strtol(hex, NULL, 16);
        return 3;
    }
    return 0;
}

/* From behind the opening quote; returns behind the closing one, NULL with err. */
static const char *take_string(struct word *w, const char *p, char *err, size_t err_size)
{
    while (*p && *p != '"') {
        size_t n = 0;
        if (*p == '\\' && (n = escape(p + 1, w->text + w->len)) == 0) {
            snprintf(err, err_size, "'\\%c' is no escape: \\r \\n \\t \\0 \\\\ \\\" \\xNN", p[1]);
            return NULL;
        }
        if (n == 0)
            w->text[w->len] = *p;
        w->len++;
        p += n + 1;
    }
    if (*p != '"') {
        snprintf(err, err_size, "the string does not end on its line");
        return NULL;
    }
    return p + 1;
}

static const char *take_word(struct word *w, const char *p)
{
    while (*p && !isspace((unsigned char)*p))
        w->text[w->len++] = *p++;
    return p;
}

bool words_split(struct words *w, const char *line, char *err, size_t err_size)
{
    const char *p = line;

    w->n = 0;
    for (;;) {
        struct word *word = &w->word[w->n];
        p += strspn(p, " \t\r\n");
        if (*p == '\0' || *p == '#')
            return true;
        if (w->n == WORDS_MAX) {
            snprintf(err, err_size, "more than %d words", WORDS_MAX);
            return false;
        }
        *word = (struct word){.text = malloc(strlen(p) + 1), .quoted = *p == '"'};
        if (!word->text) {
            snprintf(err, err_size, "no memory");
            return false;
        }
        w->n++;
        p = word->quoted ? take_string(word, p + 1, err, err_size) : take_word(word, p);
        word->text[word->len] = '\0';
        if (!p)
            return false;
    }
}

void words_free(struct words *w)
{
    while (w->n > 0)
        free(w->word[--w->n].text);
}
