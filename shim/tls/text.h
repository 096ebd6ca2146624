/* SPDX-License-Identifier: MIT */
/*
 * Text for people, built in a fixed buffer: always terminated, cut at the end rather than overrun, printable
 * ASCII whatever the network sent. Nothing here blocks, allocates or needs an init; safe in a signal handler.
 */
#pragma once

#include <stddef.h>

struct text {
    char *buf;
    size_t cap; /* bytes of buf with the terminator, at least 1 */
    size_t len;
};

void text_start(struct text *t, char *buf, size_t cap);
/* A string of ours. Copied as it is. */
void text_put(struct text *t, const char *s);
void text_number(struct text *t, unsigned long n);
/* Bytes of somebody else's: what is not printable ASCII, the backslash and the double quote become \xNN. */
void text_bytes(struct text *t, const void *bytes, size_t len);
void text_escaped(struct text *t, const char *s);
