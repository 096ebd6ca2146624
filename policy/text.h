/* SPDX-License-Identifier: MIT */
/*
 * Text in fixed buffers without stdio: what does not fit is cut, the end is always a NUL.
 * Nothing here blocks, allocates or needs initialisation; all of it is safe in a signal handler.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct text {
    char *buf;
    size_t cap, len;
};

/* A writer on `buf` of `cap` bytes (at least 1), which it does not own. */
struct text text_on(char *buf, size_t cap);
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t len);
void text_add_uint(struct text *t, uint64_t n);

#define TEXT_QUOTE_MAX 72U

/* 'word', for messages: printable ASCII only (other bytes become '?'), long words are cut. Returns `out`. */
const char *text_quote(char out[TEXT_QUOTE_MAX], const char *word);

#define TEXT_UINT_MAX 21U

/* Decimal digits of `n` in `out`, which is returned. */
const char *text_uint(char out[TEXT_UINT_MAX], uint64_t n);
