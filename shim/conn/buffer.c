/* SPDX-License-Identifier: MIT */
#include "shim/conn/buffer.h"

#include "shim/conn/conn.h"
#include "shim/conn/socket.h"
#include "shim/real.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_STEP 4096U

static bool grow(struct conn_buffer *b, size_t need)
{
    if (need <= b->cap)
        return true;
    size_t cap = (need + BUFFER_STEP - 1) / BUFFER_STEP * BUFFER_STEP;
    char *at = realloc(b->at, cap);
    if (!at)
        return false;
    b->at = at;
    b->cap = cap;
    return true;
}

size_t buffer_append(struct conn_buffer *b, const char *at, size_t len, size_t max)
{
    if (b->from && b->from == b->len)
        b->from = b->len = 0;
    size_t held = buffer_len(b);
    size_t take = held >= max ? 0 : (len < max - held ? len : max - held);
    if (!take)
        return 0;
    if (b->from && b->len + take > b->cap) {
        memmove(b->at, b->at + b->from, held);
        b->from = 0;
        b->len = held;
    }
    if (!grow(b, b->len + take))
        return 0;
    memcpy(b->at + b->len, at, take);
    b->len += take;
    return take;
}

void buffer_consume(struct conn_buffer *b, size_t n)
{
    b->from += n;
    if (b->from >= b->len)
        buffer_free(b);
}

void buffer_cut(struct conn_buffer *b, size_t len)
{
    if (len < buffer_len(b))
        b->len = b->from + len;
}

void buffer_free(struct conn_buffer *b)
{
    free(b->at);
    *b = (struct conn_buffer){0};
}

uint64_t now_ns(void)
{
    struct timespec t;
    real_now(&t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}
