/* SPDX-License-Identifier: MIT */
/*
 * May the program's memory be touched? The kernel answers a bad address with EFAULT; where we read and write
 * in its stead a bad address would be the end of the program.
 *
 * Asks the kernel with MADV_POPULATE_READ or _WRITE (Linux 5.14), which changes no content, and remembers the
 * last answers of each kind per thread: programs use the same few buffers again and again. An older kernel
 * does not know: then everything is taken for good. Does not block beyond a page fault; no allocation;
 * async-signal-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* How many of `len` bytes at `at` may be read (or written), from the first on: `len`, or less, down to 0.
 * Looks no further than MEMORY_STEP bytes ahead, so that a buffer that is never filled is never mapped. */
size_t memory_usable(const void *at, size_t len, bool write);
#define MEMORY_STEP 16384U
/* May all of it be? Nothing may always be. For what a call describes its work with: vectors, sets, times. */
bool memory_all(const void *at, size_t len, bool write);
