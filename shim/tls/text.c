/* SPDX-License-Identifier: MIT */
#include "shim/tls/text.h"

#include <string.h>

void text_start(struct text *t, char *buf, size_t cap)
{
    t->buf = buf;
    t->cap = cap;
    t->len = 0;
    buf[0] = '\0';
}

static void text_chunk(struct text *t, const char *s, size_t len)
{
    if (len > t->cap - 1 - t->len)
        len = t->cap - 1 - t->len;
    memcpy(t->buf + t->len, s, len);
    t->len += len;
    t->buf[t->len] = '\0';
}

void text_put(struct text *t, const char *s)
{
    text_chunk(t, s, strlen(s));
}

void text_number(struct text *t, unsigned long n)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    text_chunk(t, digits + at, sizeof digits - at);
}

void text_bytes(struct text *t, const void *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\' && p[i] != '"') {
            char plain = (char)p[i];
            text_chunk(t, &plain, 1);
            continue;
        }
        char escape[4] = {'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15]};
        if (t->cap - 1 - t->len < sizeof escape)
            return; /* half an escape would mean something else */
        text_chunk(t, escape, sizeof escape);
    }
}

void text_escaped(struct text *t, const char *s)
{
    text_bytes(t, s, strlen(s));
}
