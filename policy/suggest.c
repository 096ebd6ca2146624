/* SPDX-License-Identifier: MIT */
#include "policy/suggest.h"

#include <string.h>

#define WORD_MAX 24U

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. Both words are at most WORD_MAX. */
static unsigned distance(const char *a, const char *b)
{
    unsigned char rows[3][WORD_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);

    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned char *now = rows[i % 3], *before = rows[(i - 1) % 3], *swap = rows[(i + 1) % 3];

        now[0] = (unsigned char)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned d = least(before[j] + 1U, now[j - 1] + 1U);

            d = least(d, before[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = least(d, swap[j - 2] + 1U);
            now[j] = (unsigned char)d;
        }
    }
    return rows[la % 3][lb];
}

const char *suggest(const char *word, const char *const *list, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word);
    unsigned best_distance = len < 4 ? 1 : 2;

    if (len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, list[i]);

        if (d <= best_distance && (!best || d < best_distance)) {
            best = list[i];
            best_distance = d;
        }
    }
    return best;
}
