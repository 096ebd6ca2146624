/* SPDX-License-Identifier: MIT */
/* Which set a number names. As dup() gives a set several numbers, a set is no number. */
#include "shim/wait/epoll_set.h"

#include <stddef.h>
#include <sys/mman.h>

/* Pages of slots are made when the first number in them is used, never moved and never freed. */
#define PAGE_SLOTS 512U
#define PAGES      2048U /* 1048576 numbers, the kernel's default fs.nr_open */

typedef _Atomic(struct epoll_set *) slot;
static _Atomic(slot *) pages[PAGES];
static atomic_uint top; /* pages from here on were never made */

static slot *slot_of(int number)
{
    unsigned n = (unsigned)number; /* negative numbers are far out of range */
    slot *page =
        n >= PAGE_SLOTS * PAGES ? NULL : atomic_load_explicit(&pages[n / PAGE_SLOTS], memory_order_acquire);
    return page ? &page[n % PAGE_SLOTS] : NULL;
}

static slot *slot_made(int number)
{
    unsigned n = (unsigned)number;
    slot *there = slot_of(number), *none = NULL;
    if (there || n >= PAGE_SLOTS * PAGES)
        return there;
    size_t size = PAGE_SLOTS * sizeof(slot);
    void *fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    if (!atomic_compare_exchange_strong(&pages[n / PAGE_SLOTS], &none, (slot *)fresh))
        munmap(fresh, size); /* another thread was first */
    unsigned seen = atomic_load(&top);
    while (seen <= n / PAGE_SLOTS && !atomic_compare_exchange_weak(&top, &seen, n / PAGE_SLOTS + 1))
        continue;
    return slot_of(number);
}

struct epoll_set *epoll_set_at(int number)
{
    slot *s = slot_of(number);
    return s ? atomic_load_explicit(s, memory_order_acquire) : NULL;
}

struct epoll_set *epoll_set_made(int number)
{
    slot *s = slot_made(number);
    struct epoll_set *there = s ? atomic_load(s) : NULL, *none = NULL;
    if (there || !s)
        return there;
    struct epoll_set *fresh = epoll_set_new(number);
    if (fresh && !atomic_compare_exchange_strong(s, &none, fresh))
        epoll_set_free(fresh);
    return atomic_load(s);
}

void epoll_set_share(int from, int to)
{
    struct epoll_set *set = epoll_set_at(from);
    slot *s = set ? slot_made(to) : NULL;
    if (!s)
        return;
    atomic_fetch_add(&set->numbers, 1);
    atomic_store(s, set);
}

/* A number that the set still has. */
static int another(const struct epoll_set *set)
{
    for (unsigned i = 0; i < atomic_load(&top); i++) {
        slot *page = atomic_load(&pages[i]);
        for (unsigned k = 0; page && k < PAGE_SLOTS; k++)
            if (atomic_load(&page[k]) == set)
                return (int)(i * PAGE_SLOTS + k);
    }
    return -1;
}

void epoll_set_leave(int number)
{
    slot *s = slot_of(number);
    struct epoll_set *set = s ? atomic_exchange(s, NULL) : NULL;
    if (!set)
        return;
    if (atomic_fetch_sub(&set->numbers, 1) == 1)
        epoll_set_free(set);
    else if (atomic_load(&set->number) == number)
        atomic_store(&set->number, another(set));
}
