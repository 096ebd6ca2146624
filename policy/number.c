/* SPDX-License-Identifier: MIT */
#include "policy/number.h"

#include <string.h>

#define DIGITS_MAX  9U
#define SECONDS_MAX 3600U

bool number_parse(const char *text, size_t len, uint64_t *out)
{
    uint64_t n = 0;

    if (len == 0 || len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = n;
    return true;
}

bool number_parse_seconds(const char *text, unsigned *ms)
{
    const char *dot = strchr(text, '.');
    size_t whole_len = dot ? (size_t)(dot - text) : strlen(text), decimals = dot ? strlen(dot + 1) : 0;
    uint64_t whole, fraction = 0;

    if (!number_parse(text, whole_len, &whole) || decimals > 3 ||
        (dot && !number_parse(dot + 1, decimals, &fraction)))
        return false;
    for (; decimals < 3; decimals++)
        fraction *= 10;
    whole = whole * 1000 + fraction;
    if (whole == 0 || whole > SECONDS_MAX * 1000U)
        return false;
    *ms = (unsigned)whole;
    return true;
}
