/* SPDX-License-Identifier: MIT */
/* The deterministic body: byte i is (i * 31 + (i >> 8)) & 0xff. It repeats every 64 KiB. */
#pragma once

#include <stddef.h>

#define PATTERN_PERIOD ((size_t)65536)
#define PATTERN_BLOCK  (16 * PATTERN_PERIOD)

/* Fills the block once, at start, before there are threads. */
void pattern_init(void);

/* The bytes from offset FROM on; PATTERN_BLOCK of them can be read. Static memory. */
const unsigned char *pattern_at(unsigned long long from);
