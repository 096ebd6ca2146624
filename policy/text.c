/* SPDX-License-Identifier: MIT */
#include "policy/text.h"

#include <string.h>

struct text text_on(char *buf, size_t cap)
{
    buf[0] = '\0';
    return (struct text){.buf = buf, .cap = cap};
}

void text_add_bytes(struct text *t, const char *s, size_t len)
{
    size_t room = t->cap - 1 - t->len;

    if (len > room)
        len = room;
    memcpy(t->buf + t->len, s, len);
    t->len += len;
    t->buf[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_add_bytes(t, s, strlen(s));
}

const char *text_uint(char out[TEXT_UINT_MAX], uint64_t n)
{
    char digits[TEXT_UINT_MAX];
    size_t at = sizeof(digits);

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    memcpy(out, digits + at, sizeof(digits) - at);
    return out;
}

void text_add_uint(struct text *t, uint64_t n)
{
    char digits[TEXT_UINT_MAX];

    text_add(t, text_uint(digits, n));
}

const char *text_quote(char out[TEXT_QUOTE_MAX], const char *word)
{
    const size_t room = TEXT_QUOTE_MAX - sizeof("'...'");
    size_t i = 0;
    struct text t = text_on(out, TEXT_QUOTE_MAX);

    text_add(&t, "'");
    for (; i < room && word[i]; i++) {
        char c = word[i];
        text_add_bytes(&t, c >= 0x20 && c < 0x7f ? &c : "?", 1);
    }
    text_add(&t, word[i] ? "...'" : "'");
    return out;
}
