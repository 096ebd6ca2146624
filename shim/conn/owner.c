/* SPDX-License-Identifier: MIT */
#include "shim/conn/owner.h"

#include "shim/table.h"

#include <stddef.h>
#include <sys/mman.h>

#define WORDS     65536U
#define FREE      0
#define UNCLAIMED (-1)
#define ESCAPED   (-2) /* a relay has it, or will have */
#define FILLING   (-3) /* its cookie is not there yet */
#define NEW_BASE  (-16)

/* Made by that process and used by nobody so far: as good as unclaimed, but it knows who may give it back. */
static int unused_by(int pid)
{
    return NEW_BASE - pid;
}

struct words {
    atomic_uint used; /* words beyond this were never given out */
    struct owner at[WORDS];
};

static _Atomic(struct words *) words;
static atomic_uint hint; /* where a free one is likely */

static struct words *memory(void)
{
    struct words *w = atomic_load_explicit(&words, memory_order_acquire);
    if (w)
        return w;
    struct words *fresh =
        mmap(NULL, sizeof *fresh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    struct words *none = NULL;
    if (!atomic_compare_exchange_strong(&words, &none, fresh))
        munmap(fresh, sizeof *fresh);
    return atomic_load(&words);
}

static struct owner *find(struct words *w, uint64_t cookie)
{
    unsigned n = atomic_load(&w->used);
    for (unsigned i = 0; cookie && i < n; i++)
        if (atomic_load_explicit(&w->at[i].cookie, memory_order_relaxed) == cookie &&
            atomic_load(&w->at[i].pid) != FREE)
            return &w->at[i];
    return NULL;
}

static bool fill(struct words *w, unsigned i, uint64_t cookie)
{
    int expected = FREE;
    if (atomic_load_explicit(&w->at[i].pid, memory_order_relaxed) != FREE ||
        !atomic_compare_exchange_strong(&w->at[i].pid, &expected, FILLING))
        return false;
    atomic_store(&w->at[i].sharers, 0);
    atomic_store(&w->at[i].cookie, cookie);
    atomic_store(&w->at[i].pid, unused_by(table_pid()));
    unsigned seen = atomic_load(&w->used);
    while (seen <= i && !atomic_compare_exchange_weak(&w->used, &seen, i + 1))
        continue;
    return true;
}

struct owner *owner_new(uint64_t cookie)
{
    struct words *w = memory();
    struct owner *shared = w ? find(w, cookie) : NULL;
    if (shared || !w)
        return shared;
    unsigned first = atomic_load(&hint);
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned n = (first + i) % WORDS;
        if (fill(w, n, cookie)) {
            atomic_store(&hint, n);
            return &w->at[n];
        }
    }
    return NULL;
}

void owner_note_port(struct owner *word, uint16_t port)
{
    if (word)
        atomic_store(&word->port, port);
}

uint16_t owner_asked_port(uint64_t cookie)
{
    struct words *w = atomic_load(&words);
    struct owner *shared = w ? find(w, cookie) : NULL;
    return shared ? atomic_load(&shared->port) : 0;
}

void owner_give_back(struct owner *word, uint64_t cookie)
{
    int pid = table_pid(), unused = unused_by(pid);
    if (!word || atomic_load(&word->cookie) != cookie)
        return; /* another connection's by now */
    if (atomic_compare_exchange_strong(&word->pid, &pid, FREE) ||
        atomic_compare_exchange_strong(&word->pid, &unused, FREE)) {
        struct words *w = atomic_load(&words);
        atomic_store(&hint, (unsigned)(word - w->at)); /* the list of words in use stays short */
    }
}

/* Nobody has used it since the fork, or since it was made. */
static bool is_open(int pid)
{
    return pid == UNCLAIMED || pid < NEW_BASE;
}

bool owner_claim(struct owner *word, uint64_t cookie)
{
    int pid = table_pid();
    int now = atomic_load_explicit(&word->pid, memory_order_acquire);
    if (atomic_load_explicit(&word->cookie, memory_order_relaxed) != cookie)
        return false;
    while (is_open(now)) /* who loses to another thread of ours, or to its fork(), looks again */
        if (atomic_compare_exchange_strong(&word->pid, &now, pid))
            return true;
    return now == pid;
}

bool owner_claim_for_relay(struct owner *word, uint64_t cookie)
{
    int pid = table_pid(), now = atomic_load(&word->pid);
    if (atomic_load(&word->cookie) != cookie)
        return false;
    while (now == pid || is_open(now))
        if (atomic_compare_exchange_strong(&word->pid, &now, ESCAPED))
            return true;
    return false;
}

bool owner_is_escaped(struct owner *word, uint64_t cookie)
{
    return atomic_load(&word->cookie) == cookie && atomic_load(&word->pid) == ESCAPED;
}

int owner_count(struct owner *word, uint64_t cookie, int by)
{
    if (!word || atomic_load(&word->cookie) != cookie)
        return 0;
    return atomic_fetch_add(&word->sharers, by) + by;
}

bool owner_holds(struct owner *word, uint64_t cookie)
{
    return atomic_load_explicit(&word->pid, memory_order_acquire) == table_pid() &&
           atomic_load_explicit(&word->cookie, memory_order_relaxed) == cookie;
}

void owner_escape(struct owner *word)
{
    if (word)
        atomic_store(&word->pid, ESCAPED);
}

void owner_take(struct owner *word)
{
    if (word)
        atomic_store(&word->pid, table_pid());
}

void owner_before_fork(void)
{
    struct words *w = table_next(0) >= 0 ? memory() : atomic_load(&words);
    unsigned n = w ? atomic_load(&w->used) : 0;
    int pid = table_pid();
    for (unsigned i = 0; i < n; i++) {
        int mine = pid, unused = unused_by(pid);
        if (!atomic_compare_exchange_strong(&w->at[i].pid, &mine, UNCLAIMED))
            atomic_compare_exchange_strong(&w->at[i].pid, &unused, UNCLAIMED);
    }
}
