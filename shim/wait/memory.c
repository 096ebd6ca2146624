/* SPDX-License-Identifier: MIT */
#include "shim/wait/memory.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096U /* asked for in these, whatever the machine's is: a multiple of it is looked at then */

struct known {
    uintptr_t from, to;
};
#define KNOWN 8U
static __thread struct known known[2][KNOWN]; /* for reading, for writing */
static __thread unsigned oldest[2];

static bool is_known(uintptr_t from, uintptr_t to, bool write)
{
    for (unsigned i = 0; i < KNOWN; i++)
        if (from >= known[write][i].from && to <= known[write][i].to)
            return true;
    return false;
}

/* What touches a known piece makes it larger: a buffer is asked for in steps, and small ones lie side by
 * side. */
static void remember(uintptr_t from, uintptr_t to, bool write)
{
    for (unsigned i = 0; i < KNOWN; i++) {
        struct known *k = &known[write][i];
        if (k->to && from <= k->to && to >= k->from) {
            *k = (struct known){from < k->from ? from : k->from, to > k->to ? to : k->to};
            return;
        }
    }
    known[write][oldest[write]++ % KNOWN] = (struct known){from, to};
}

/* No length, no work: only whether the word is known. EINVAL otherwise also means that a mapping forbids it.
 */
static bool is_supported(void)
{
    static _Atomic(int) answer; /* 0: not asked yet, 1 yes, -1 no */
    if (answer == 0)
        answer = madvise(NULL, 0, MADV_POPULATE_READ) == 0 ? 1 : -1;
    return answer > 0;
}

static bool ask(uintptr_t from, uintptr_t to, bool write)
{
    int saved = errno;
    int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    void *at = (void *)from; /* NOLINT(performance-no-int-to-ptr): a page's address */
    bool good = !is_supported() || madvise(at, to - from, advice) == 0 || errno == EAGAIN || errno == EINTR;
    errno = saved;
    return good;
}

size_t memory_usable(const void *at, size_t len, bool write)
{
    uintptr_t start = (uintptr_t)at;
    if (len > MEMORY_STEP)
        len = MEMORY_STEP;
    if (!len)
        return 0;
    uintptr_t from = start & ~(uintptr_t)(PAGE - 1), to = (start + len + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    if (is_known(from, to, write))
        return len;
    if (ask(from, to, write)) {
        remember(from, to, write);
        return len;
    }
    uintptr_t good = from; /* page by page: the beginning may do */
    while (good < to && ask(good, good + PAGE, write))
        good += PAGE;
    return good > start ? (size_t)(good - start) : 0;
}

bool memory_all(const void *at, size_t len, bool write)
{
    const char *from = at;
    while (len) {
        size_t good = memory_usable(from, len, write);
        if (!good)
            return false;
        from += good;
        len -= good;
    }
    return true;
}
