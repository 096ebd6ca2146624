/* SPDX-License-Identifier: MIT */
#include "tests/bench/link.h"

bool link_send(struct link *link, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = link_some(link, at, size);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}
