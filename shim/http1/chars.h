/* SPDX-License-Identifier: MIT */
/*
 * Bytes as RFC 9110 section 5.6 and RFC 5234 class them, without the locale. Pure: no blocking, no memory,
 * safe before init and in signal handlers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum http1_class { CHAR_TOKEN = 1, CHAR_CONTROL = 2 };
extern const uint8_t http1_classes[256]; /* chars.c: every byte of every head is looked up */

static inline bool http1_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline char http1_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool http1_is_alpha(char c)
{
    return http1_lower(c) >= 'a' && http1_lower(c) <= 'z';
}

/* SP or HTAB, the OWS of RFC 9110 section 5.6.3. */
static inline bool http1_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* tchar of RFC 9110 section 5.6.2. */
static inline bool http1_is_token(char c)
{
    return http1_classes[(unsigned char)c] & CHAR_TOKEN;
}

/* Bytes that no field value and no start line may hold: CTL without HTAB (RFC 9110 section 5.5). */
static inline bool http1_is_control(char c)
{
    return http1_classes[(unsigned char)c] & CHAR_CONTROL;
}

/* The value of a hexadecimal digit, -1 for other bytes. */
static inline int http1_hex(char c)
{
    if (http1_is_digit(c))
        return c - '0';
    char low = http1_lower(c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}
