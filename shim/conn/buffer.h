/* SPDX-License-Identifier: MIT */
/*
 * Bytes that wait: what a program has written before TLS is up, a head in pieces. Nothing here blocks; what
 * grows one allocates; whoever holds it locks. Not for use before init, not by itself safe in a handler.
 */
#pragma once

#include <stddef.h>

struct conn_buffer { /* exists only while it holds something */
    char *at;
    size_t len, cap, from; /* bytes [from, len) are valid */
};

/* Appends up to `max` bytes in total; returns how many were taken (0 also when memory is out). */
size_t buffer_append(struct conn_buffer *b, const char *at, size_t len, size_t max);
void buffer_consume(struct conn_buffer *b, size_t n);
/* Lets go of all but the first `len` bytes. */
void buffer_cut(struct conn_buffer *b, size_t len);
void buffer_free(struct conn_buffer *b);
static inline size_t buffer_len(const struct conn_buffer *b)
{
    return b->len - b->from;
}
static inline const char *buffer_at(const struct conn_buffer *b)
{
    return b->at ? b->at + b->from : "";
}
