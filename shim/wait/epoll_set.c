/* SPDX-License-Identifier: MIT */
#include "shim/wait/epoll_set.h"

#include "shim/conn/quiet.h"
#include "shim/real.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* ---- sets: chunks of them, made when needed, never given back; used again, the oldest first ---- */

#define CHUNK_SETS 64U
#define SET_CHUNKS 16384U

static struct epoll_set *set_chunks[SET_CHUNKS];
static unsigned sets_made;
static struct epoll_set *free_first, *free_last;
static pthread_mutex_t sets_lock = PTHREAD_MUTEX_INITIALIZER;

/* Under sets_lock. */
static void give_back(struct epoll_set *set)
{
    set->next_free = NULL;
    if (free_first)
        free_last->next_free = set;
    else
        free_first = set;
    free_last = set;
}

static void add_sets(void)
{
    struct epoll_set *fresh = sets_made < SET_CHUNKS ? map(CHUNK_SETS * sizeof *fresh) : NULL;
    for (unsigned i = 0; fresh && i < CHUNK_SETS; i++) {
        pthread_mutex_init(&fresh[i].lock, NULL);
        give_back(&fresh[i]);
    }
    if (fresh)
        set_chunks[sets_made++] = fresh;
}

static void enter(void)
{
    quiet_begin();
    pthread_mutex_lock(&sets_lock);
}

static void leave(void)
{
    pthread_mutex_unlock(&sets_lock);
    quiet_end();
}

struct epoll_set *epoll_set_new(int number)
{
    enter();
    if (!free_first)
        add_sets();
    struct epoll_set *set = free_first;
    if (set) {
        free_first = set->next_free;
        atomic_store(&set->number, number);
        atomic_store(&set->numbers, 1);
    }
    leave();
    return set;
}

void epoll_set_free(struct epoll_set *set)
{
    epoll_set_clear(set);
    enter();
    give_back(set);
    leave();
}

void epoll_set_lock(struct epoll_set *set)
{
    quiet_begin();
    pthread_mutex_lock(&set->lock);
}

void epoll_set_unlock(struct epoll_set *set)
{
    pthread_mutex_unlock(&set->lock);
    quiet_end();
}

/* ---- lists ---- */

static atomic_uint *length(struct epoll_set *set, enum epoll_list which)
{
    switch (which) {
    case LIST_READY: return &set->ready;
    case LIST_WATCHED: return &set->watched;
    default: return &set->records;
    }
}

void epoll_list_add(struct epoll_set *set, struct epoll_reg *r, enum epoll_list which)
{
    struct epoll_head *head = &set->list[which];
    if (r->on[which])
        return;
    atomic_store_explicit(&r->on[which], true, memory_order_release);
    r->link[which] = (struct epoll_link){.before = head->last};
    if (head->last)
        head->last->link[which].next = r;
    else
        head->first = r;
    head->last = r;
    if (which == LIST_READY)
        r->pushed = ++set->pushes;
    atomic_fetch_add(length(set, which), 1);
}

void epoll_list_remove(struct epoll_set *set, struct epoll_reg *r, enum epoll_list which)
{
    struct epoll_head *head = &set->list[which];
    struct epoll_link link = r->link[which];
    if (!r->on[which])
        return;
    atomic_store_explicit(&r->on[which], false, memory_order_release);
    if (link.before)
        link.before->link[which].next = link.next;
    else
        head->first = link.next;
    if (link.next)
        link.next->link[which].before = link.before;
    else
        head->last = link.before;
    atomic_fetch_sub(length(set, which), 1);
    if (which == LIST_READY && atomic_load(&set->nested) && !atomic_load(&set->ready))
        epoll_take_wake(set); /* the set that it is in is not to be told any more */
}

void epoll_set_clear(struct epoll_set *set)
{
    epoll_set_lock(set);
    for (struct epoll_reg *r = set->list[LIST_ALL].first, *next; r; r = next) {
        next = r->link[LIST_ALL].next;
        memset(r->on, 0, sizeof r->on);
        atomic_store(&r->set, NULL); /* from here on its conn may free it */
    }
    memset(set->list, 0, sizeof set->list);
    atomic_store(&set->records, 0);
    atomic_store(&set->ready, 0);
    atomic_store(&set->watched, 0);
    atomic_store(&set->nested, false);
    if (set->wake)
        real.close(set->wake - 1);
    set->wake = 0;
    epoll_set_unlock(set);
}

/* ---- records: chunks of them, made when needed, never given back ---- */

#define CHUNK  64U
#define CHUNKS 16384U

static _Atomic(struct epoll_reg *) chunks[CHUNKS];
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct epoll_reg *free_list; /* by next_of_conn */
static unsigned made;

static bool add_chunk(void)
{
    struct epoll_reg *fresh = made < CHUNK * CHUNKS ? map(CHUNK * sizeof *fresh) : NULL;
    if (!fresh)
        return false;
    for (unsigned i = 0; i < CHUNK; i++) {
        fresh[i].index = made + i;
        fresh[i].next_of_conn = i + 1 < CHUNK ? &fresh[i + 1] : free_list;
    }
    atomic_store_explicit(&chunks[made / CHUNK], fresh, memory_order_release);
    free_list = fresh;
    made += CHUNK;
    return true;
}

/* The callers have signals blocked: they hold a conn's lock. */
struct epoll_reg *epoll_reg_new(void)
{
    pthread_mutex_lock(&pool_lock);
    struct epoll_reg *r = free_list || add_chunk() ? free_list : NULL;
    if (r)
        free_list = r->next_of_conn;
    pthread_mutex_unlock(&pool_lock);
    if (r) { /* a stale index may be looked up meanwhile: index and generation stay, set is NULL already */
        size_t start = offsetof(struct epoll_reg, fd);
        memset((char *)r + start, 0, sizeof *r - start);
        r->next_of_conn = NULL;
    }
    return r;
}

void epoll_reg_free(struct epoll_reg *r)
{
    pthread_mutex_lock(&pool_lock);
    r->generation++;
    r->conn = NULL;
    r->next_of_conn = free_list;
    free_list = r;
    pthread_mutex_unlock(&pool_lock);
}

/* ---- what the kernel is given: 16 bits that no pointer has, 16 of generation, 32 of index ---- */

#define MAGIC 0xf715ULL

uint64_t epoll_reg_pack(const struct epoll_reg *r)
{
    return MAGIC << 48 | (uint64_t)r->generation << 32 | r->index;
}

static struct epoll_reg *place(uint64_t data)
{
    unsigned index = (unsigned)data;
    if (data >> 48 != MAGIC || index >= CHUNK * CHUNKS)
        return NULL;
    struct epoll_reg *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % CHUNK] : NULL;
}

bool epoll_data_is_ours(uint64_t data)
{
    return place(data) != NULL;
}

struct epoll_reg *epoll_reg_unpack(uint64_t data)
{
    struct epoll_reg *r = place(data);
    return r && r->generation == (uint16_t)(data >> 32) ? r : NULL;
}

void epoll_set_after_fork(void)
{
    pthread_mutex_init(&pool_lock, NULL);
    pthread_mutex_init(&sets_lock, NULL);
    for (unsigned i = 0; i < sets_made; i++)
        for (unsigned k = 0; k < CHUNK_SETS; k++) {
            pthread_mutex_init(&set_chunks[i][k].lock, NULL);
            atomic_store(&set_chunks[i][k].waiters, 0);
        }
}
