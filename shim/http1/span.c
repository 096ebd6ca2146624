/* SPDX-License-Identifier: MIT */
#include "shim/http1/span.h"

#include <stdint.h>
#include <string.h>

#include "shim/http1/chars.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the first byte of a word is taken for its lowest"
#endif

static bool same_letter(char a, char b)
{
    return a == b || ((a ^ b) == 0x20 && http1_is_alpha(a));
}

bool http1_span_is(struct http1_span s, const char *text)
{
    size_t i = 0;
    while (i < s.len && text[i] && same_letter(s.at[i], text[i]))
        i++;
    return i == s.len && !text[i];
}

bool http1_span_exactly(struct http1_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

struct http1_span http1_span_trim(struct http1_span s)
{
    while (s.len && http1_is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && http1_is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

#define EACH_BYTE(n) ((uint64_t)0x0101010101010101U * (n))
#define WORD         sizeof(uint64_t)

/* Where the first byte below 0x20, or DEL, is among the eight, which were read on a machine that puts the
 * first one lowest; WORD: there is none. HTAB counts. A borrow can only spoil what comes after a byte that
 * was found. */
static size_t first_low(uint64_t eight)
{
    uint64_t no_del = eight ^ EACH_BYTE(0x7fU);
    uint64_t low = (eight - EACH_BYTE(0x20U)) & ~eight, del = (no_del - EACH_BYTE(1U)) & ~no_del;
    uint64_t found = (low | del) & EACH_BYTE(0x80U);
    return found ? (size_t)__builtin_ctzll(found) / 8 : WORD;
}

size_t http1_span_control(struct http1_span s)
{
    size_t i = 0;
    while (s.len - i >= WORD) {
        uint64_t eight;
        memcpy(&eight, s.at + i, WORD);
        size_t n = first_low(eight);
        i += n;
        if (n < WORD && http1_is_control(s.at[i]))
            return i;
        i += n < WORD; /* HTAB */
    }
    while (i < s.len && !http1_is_control(s.at[i]))
        i++;
    return i;
}

bool http1_span_has_control(struct http1_span s)
{
    return http1_span_control(s) < s.len;
}

bool http1_span_is_token(struct http1_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!http1_is_token(s.at[i]))
            return false;
    return s.len > 0;
}

struct http1_span http1_span_split(struct http1_span *s, char mark)
{
    const char *found = s->len ? memchr(s->at, mark, s->len) : NULL;
    struct http1_span first = *s;
    if (found)
        first.len = (size_t)(found - s->at);
    size_t gone = found ? first.len + 1 : s->len;
    s->at += gone;
    s->len -= gone;
    return first;
}

bool http1_next_member(struct http1_span *list, struct http1_span *member)
{
    while (list->len) {
        *member = http1_span_trim(http1_span_split(list, ','));
        if (member->len)
            return true;
    }
    return false;
}
