/* SPDX-License-Identifier: MIT */
#include "shim/table.h"

#include "shim/conn/conn.h"
#include "shim/conn/pool.h"
#include "shim/start.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two levels: pages of slots are made when the first number in them is used, never moved and never freed. */
#define PAGE_SLOTS 512U
#define PAGES      2048U /* 1048576 numbers, the kernel's default fs.nr_open */

typedef _Atomic(uintptr_t) slot_word;
#define BITS ((uintptr_t)15)
_Static_assert(sizeof(struct conn) % 16 == 0, "a pointer to one has room for four bits");

static _Atomic(slot_word *) pages[PAGES];
static AT_START _Atomic(int)
    *owner; /* in a page of its own that fork wipes (MADV_WIPEONFORK): 0 in every copy */
static atomic_int owner_without_page;
AT_START void (*table_on_copy)(void);

void table_adopt(void)
{
    if (!owner) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bool wiped = page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0;
        owner = wiped ? page : &owner_without_page;
    }
    atomic_store(owner, (int)getpid());
}

int table_pid(void)
{
    int pid = owner ? atomic_load_explicit(owner, memory_order_relaxed) : 0;
    if (pid != 0)
        return pid;
    bool copied = owner != NULL;
    table_adopt();
    if (copied && table_on_copy)
        table_on_copy();
    return atomic_load_explicit(owner, memory_order_relaxed);
}

bool table_is_ours(void)
{
    return table_pid() == (int)getpid();
}

static slot_word *slot_of(int fd)
{
    unsigned n = (unsigned)fd; /* negative numbers are far out of range */
    if (n >= PAGE_SLOTS * PAGES)
        return NULL;
    slot_word *page = atomic_load_explicit(&pages[n / PAGE_SLOTS], memory_order_acquire);
    return page ? &page[n % PAGE_SLOTS] : NULL;
}

static slot_word *slot_made(int fd)
{
    slot_word *slot = slot_of(fd);
    if (slot || (unsigned)fd >= PAGE_SLOTS * PAGES)
        return slot;
    size_t size = PAGE_SLOTS * sizeof(slot_word);
    slot_word *fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    slot_word *none = NULL;
    if (!atomic_compare_exchange_strong(&pages[(unsigned)fd / PAGE_SLOTS], &none, fresh))
        munmap(fresh, size); /* another thread was first */
    return slot_of(fd);
}

static struct conn *conn_of(uintptr_t word)
{
    return (struct conn *)(word & ~BITS); /* NOLINT(performance-no-int-to-ptr): tagged pointer */
}

struct conn *table_get(int fd)
{
    slot_word *slot = slot_of(fd);
    if (!slot)
        return NULL;
    for (;;) {
        uintptr_t word = atomic_load_explicit(slot, memory_order_acquire);
        struct conn *c = conn_of(word);
        if (!c)
            return NULL;
        if (!pool_try_ref(c))
            continue; /* it is being freed: the slot is about to change */
        if (conn_of(atomic_load_explicit(slot, memory_order_acquire)) == c)
            return c;
        conn_put(c);
    }
}

bool table_has(int fd)
{
    slot_word *slot = slot_of(fd);
    return slot && conn_of(atomic_load_explicit(slot, memory_order_acquire));
}

bool table_names(int fd, const struct conn *c)
{
    slot_word *slot = slot_of(fd);
    return slot && conn_of(atomic_load_explicit(slot, memory_order_acquire)) == c;
}

bool table_knows(int fd)
{
    slot_word *slot = slot_of(fd);
    return slot && atomic_load_explicit(slot, memory_order_acquire) != 0;
}

unsigned table_bits(int fd)
{
    slot_word *slot = slot_of(fd);
    return slot ? (unsigned)(atomic_load_explicit(slot, memory_order_acquire) & BITS) : 0;
}

void table_set_bits(int fd, unsigned set, unsigned clear)
{
    slot_word *slot = set ? slot_made(fd) : slot_of(fd);
    if (!slot)
        return;
    if (set)
        atomic_fetch_or(slot, (uintptr_t)set & BITS);
    if (clear)
        atomic_fetch_and(slot, ~((uintptr_t)clear & BITS));
}

static atomic_bool twins;

void table_note_twin(void)
{
    atomic_store_explicit(&twins, true, memory_order_relaxed);
}

bool table_has_twins(void)
{
    return atomic_load_explicit(&twins, memory_order_relaxed);
}

bool table_set(int fd, struct conn *conn, unsigned bits, struct conn **before)
{
    slot_word *slot = slot_made(fd);
    *before = NULL;
    if (!slot)
        return false;
    *before = conn_of(atomic_exchange(slot, (uintptr_t)conn | ((uintptr_t)bits & BITS)));
    return true;
}

struct conn *table_take(int fd)
{
    slot_word *slot = slot_of(fd);
    if (!slot || atomic_load_explicit(slot, memory_order_relaxed) == 0)
        return NULL;
    return conn_of(atomic_exchange(slot, 0));
}

int table_next(int from)
{
    for (unsigned n = from < 0 ? 0 : (unsigned)from; n < PAGE_SLOTS * PAGES; n++) {
        slot_word *page = atomic_load_explicit(&pages[n / PAGE_SLOTS], memory_order_acquire);
        if (!page) {
            n |= PAGE_SLOTS - 1; /* on to the next page */
            continue;
        }
        if (atomic_load_explicit(&page[n % PAGE_SLOTS], memory_order_acquire))
            return (int)n;
    }
    return -1;
}
