/* SPDX-License-Identifier: MIT */
/* A unit program is a plain main(): checks count, the last line is TAP-like, the status says the rest. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned unit_checks, unit_failures;

#define CHECK(cond)                                                                                          \
    do {                                                                                                     \
        unit_checks++;                                                                                       \
        if (!(cond)) {                                                                                       \
            unit_failures++;                                                                                 \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);                               \
        }                                                                                                    \
    } while (0)

#define CHECK_INT(got, want)                                                                                 \
    do {                                                                                                     \
        long long got_ = (long long)(got), want_ = (long long)(want);                                        \
        unit_checks++;                                                                                       \
        if (got_ != want_) {                                                                                 \
            unit_failures++;                                                                                 \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, want_);         \
        }                                                                                                    \
    } while (0)

#define CHECK_STR(got, want)                                                                                 \
    do {                                                                                                     \
        const char *got_ = (got), *want_ = (want);                                                           \
        unit_checks++;                                                                                       \
        if (!got_ || !want_ || strcmp(got_, want_) != 0) {                                                   \
            unit_failures++;                                                                                 \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got,                   \
                    got_ ? got_ : "(null)", want_ ? want_ : "(null)");                                       \
        }                                                                                                    \
    } while (0)

/* A copy of `data` that ends at an unmapped page: reading one byte too far faults. */
static inline char *unit_guarded(const void *data, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t span = (len / page + 2) * page;
    char *base = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + span - page, page, PROT_NONE) != 0)
        abort();
    char *copy = base + span - page - len;
    if (len)
        memcpy(copy, data, len);
    return copy;
}

static inline int unit_done(const char *name)
{
    printf("unit %s: %u checks, %u failures\n", name, unit_checks, unit_failures);
    return unit_failures ? 1 : 0;
}
