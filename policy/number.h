/* SPDX-License-Identifier: MIT */
/* Decimal numbers, without locale or leading signs. Nothing blocks or allocates; safe anywhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 to 9 digits and nothing else. */
bool number_parse(const char *text, size_t len, uint64_t *out);
/* Seconds as "10" or "2.5" (up to three decimals), more than 0 and at most 3600, in milliseconds. */
bool number_parse_seconds(const char *text, unsigned *ms);
