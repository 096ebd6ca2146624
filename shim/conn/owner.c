/* SPDX-License-Identifier: MIT */
#include "shim/conn/owner.h"
#include "shim/table.h"

#include <stddef.h>
#include <sys/mman.h>

#define WORDS     16384U
#define FREE      0
#define UNCLAIMED (-1)
#define ESCAPED   (-2) /* a relay has it, or will have */

static _Atomic(_Atomic(int) *) words;
static atomic_uint used; /* words beyond this were never given out */

static _Atomic(int) *page(void)
{
    _Atomic(int) *at = atomic_load_explicit(&words, memory_order_acquire);
    if (at)
        return at;
    _Atomic(int) *fresh =
        mmap(NULL, WORDS * sizeof *fresh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    _Atomic(int) *none = NULL;
    if (!atomic_compare_exchange_strong(&words, &none, fresh))
        munmap(fresh, WORDS * sizeof *fresh);
    return atomic_load(&words);
}

_Atomic(int) *owner_new(void)
{
    _Atomic(int) *at = page();
    int pid = table_pid();
    for (unsigned i = 0; at && i < WORDS; i++) {
        int expected = FREE;
        if (atomic_load_explicit(&at[i], memory_order_relaxed) == FREE &&
            atomic_compare_exchange_strong(&at[i], &expected, pid)) {
            unsigned seen = atomic_load(&used);
            while (seen <= i && !atomic_compare_exchange_weak(&used, &seen, i + 1))
                continue;
            return &at[i];
        }
    }
    return NULL;
}

void owner_give_back(_Atomic(int) *word)
{
    int pid = table_pid();
    if (word) /* another process' word is not ours to give */
        atomic_compare_exchange_strong(word, &pid, FREE);
}

bool owner_claim(_Atomic(int) *word)
{
    int pid = table_pid();
    int now = atomic_load_explicit(word, memory_order_acquire);
    if (now == pid)
        return true;
    return now == UNCLAIMED && atomic_compare_exchange_strong(word, &now, pid);
}

bool owner_holds(_Atomic(int) *word)
{
    return atomic_load_explicit(word, memory_order_acquire) == table_pid();
}

void owner_escape(_Atomic(int) *word)
{
    if (word)
        atomic_store(word, ESCAPED);
}

void owner_take(_Atomic(int) *word)
{
    if (word)
        atomic_store(word, table_pid());
}

void owner_before_fork(void)
{
    _Atomic(int) *at = atomic_load(&words);
    unsigned n = atomic_load(&used);
    int pid = table_pid();
    for (unsigned i = 0; at && i < n; i++) {
        int mine = pid;
        atomic_compare_exchange_strong(&at[i], &mine, UNCLAIMED);
    }
}
