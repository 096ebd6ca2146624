/* SPDX-License-Identifier: MIT */
/* What every fuzzer needs: a claim that ends the run if it does not hold, and input that ends where memory
 * ends. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline void must_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

#define MUST(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            must_fail(__FILE__, __LINE__, #cond);                                                            \
    } while (0)

#define GUARD_MAX ((size_t)1 << 20)

/* A copy of the bytes whose end is the end of mapped memory: one byte further is a fault, whoever reads it.
 * Good until the next call. At most GUARD_MAX bytes. */
static inline char *guarded(const void *bytes, size_t len)
{
    static char *end;
    if (!end) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *at = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(at != MAP_FAILED && mprotect(at + GUARD_MAX, page, PROT_NONE) == 0);
        end = at + GUARD_MAX;
    }
    MUST(len <= GUARD_MAX);
    if (len)
        memcpy(end - len, bytes, len);
    return end - len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
