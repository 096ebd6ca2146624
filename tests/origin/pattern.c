/* SPDX-License-Identifier: MIT */
#include "tests/origin/pattern.h"

static unsigned char block[PATTERN_BLOCK + PATTERN_PERIOD];

void pattern_init(void)
{
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (unsigned char)((i * 31 + (i >> 8)) & 0xff);
}

const unsigned char *pattern_at(unsigned long long from)
{
    return block + from % PATTERN_PERIOD;
}
