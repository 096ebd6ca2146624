/* SPDX-License-Identifier: MIT */
#include "policy/lex.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void lex_begin(struct lex *l, char *text, size_t len)
{
    text[len] = '\0';
    *l = (struct lex){.at = text, .end = text + len, .line_start = text, .line = 1};
}

static void next_line(struct lex *l, char *newline)
{
    l->line++;
    l->line_start = newline + 1;
}

/* Moves to the first byte of a word; false if there is none left. */
static bool find_word(struct lex *l)
{
    for (; l->at < l->end; l->at++) {
        if (*l->at == '#') {
            char *newline = memchr(l->at, '\n', (size_t)(l->end - l->at));

            if (!newline)
                break;
            l->at = newline;
        }
        if (*l->at == '\n')
            next_line(l, l->at);
        else if (!is_blank(*l->at))
            return true;
    }
    return false;
}

bool lex_next(struct lex *l, struct lex_word *out)
{
    if (!find_word(l))
        return false;
    out->text = l->at;
    out->place = (struct diag_place){l->line, (unsigned)(l->at - l->line_start) + 1};
    out->starts_rule = l->at == l->line_start;
    while (l->at < l->end && !is_blank(*l->at) && *l->at != '\n')
        l->at++;
    out->len = (size_t)(l->at - out->text);
    if (l->at < l->end) {
        if (*l->at == '\n')
            next_line(l, l->at);
        *l->at++ = '\0';
    }
    return true;
}

struct diag_place lex_place(const struct lex_word *w, size_t offset)
{
    return (struct diag_place){w->place.line, w->place.column + (unsigned)offset};
}

size_t lex_control(const struct lex_word *w)
{
    size_t i = 0;

    while (i < w->len && (unsigned char)w->text[i] >= 0x20 && w->text[i] != 0x7f)
        i++;
    return i;
}
