/* SPDX-License-Identifier: MIT */
#include "shim/conn/pool.h"

#include "shim/conn/buffer.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/owner.h"
#include "shim/real.h"
#include "shim/start.h"
#include "shim/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

/* Chunks of conns, made when needed, never given back. */
#define CHUNK  64U
#define CHUNKS 16384U

static _Atomic(struct conn *) chunks[CHUNKS];
AT_START atomic_uint pool_live; /* exit() looks at it */
static atomic_uint made;
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned hint; /* where a free one was last seen; under pool_lock */

struct conn *pool_at(unsigned index)
{
    if (index >= CHUNK * CHUNKS)
        return NULL;
    struct conn *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % CHUNK] : NULL;
}

unsigned pool_size(void)
{
    return atomic_load_explicit(&made, memory_order_acquire);
}

static void lock_init(struct conn *c)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&c->lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

static struct conn *add_chunk(void)
{
    unsigned first = atomic_load(&made);
    if (first >= CHUNK * CHUNKS)
        return NULL;
    struct conn *chunk =
        mmap(NULL, CHUNK * sizeof *chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        return NULL;
    for (unsigned i = 0; i < CHUNK; i++) {
        chunk[i].index = first + i;
        lock_init(&chunk[i]);
    }
    atomic_store_explicit(&chunks[first / CHUNK], chunk, memory_order_release);
    atomic_store_explicit(&made, first + CHUNK, memory_order_release);
    return chunk;
}

static struct conn *find_free(void)
{
    unsigned size = atomic_load(&made);
    for (unsigned i = 0; i < size; i++) {
        struct conn *c = pool_at((hint + i) % size);
        unsigned zero = 0;
        if (atomic_load_explicit(&c->refs, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&c->refs, &zero, 1)) {
            hint = (hint + i + 1) % size;
            return c;
        }
    }
    struct conn *c = add_chunk();
    if (c)
        atomic_store(&c->refs, 1);
    return c;
}

struct conn *pool_new(void)
{
    pthread_mutex_lock(&pool_lock);
    struct conn *c = find_free();
    pthread_mutex_unlock(&pool_lock);
    if (!c)
        return NULL;
    atomic_fetch_add(&pool_live, 1);
    /* Everything but the count, the index and the lock starts at zero. */
    size_t start = offsetof(struct conn, held_errno);
    memset((char *)c + start, 0, sizeof *c - start);
    c->fd = -1;
    http1_flow_init(&c->flow);
    return c;
}

#define RELEASING 0x80000000U /* besides the last reference: nobody takes another */

bool pool_try_ref(struct conn *c)
{
    unsigned n = atomic_load_explicit(&c->refs, memory_order_relaxed);
    while (n > 0 && !(n & RELEASING))
        if (atomic_compare_exchange_weak(&c->refs, &n, n + 1))
            return true;
    return false;
}

void pool_ref(struct conn *c)
{
    atomic_fetch_add(&c->refs, 1);
}

void conn_drop_session(struct conn *c)
{
    if (c->tls)
        c->engine->free(c->tls);
    c->tls = NULL;
    buffer_free(&c->hold);
    buffer_free(&c->head);
    buffer_free(&c->ask);
    buffer_free(&c->edited);
    buffer_free(&c->peeked);
    buffer_free(&c->asked);
    buffer_free(&c->reply);
    buffer_free(&c->sifted);
}

/* A session that a child of fork() never used is only forgotten: a thread that is not there may have held a
 * lock that OpenSSL would take. */
static void drop(struct conn *c)
{
    if (c->born_in != table_pid() && !conn_is_user(c))
        c->tls = NULL;
    pthread_mutex_lock(&c->lock); /* nobody else can see it, but fork() waits for all who are in the engine */
    conn_drop_session(c);
    pthread_mutex_unlock(&c->lock);
}

/* A request may have said a password. */
static void free_repeats(struct conn *c)
{
    if (c->repeats)
        explicit_bzero(c->repeats, sizeof *c->repeats);
    free(c->repeats);
    c->repeats = NULL;
    c->flow.last = NULL;
}

/* The last reference. */
static void release(struct conn *c)
{
    conn_end(c);
    drop(c);
    share_drop(c);
    free(c->saved);
    c->saved = NULL;
    free(c->flow.in_head);
    c->flow.in_head = NULL;
    free_repeats(c);
    policy_unref(c->policy);
    c->policy = NULL;
    owner_give_back(c->owner, c->owned);
    c->owner = NULL;
    atomic_fetch_sub(&pool_live, 1);
}

/* A reader that found the conn in a slot, and the slot changed, may still try to take a reference: whoever
 * gives the last one back first sees to it that it fails. */
void conn_put(struct conn *c)
{
    unsigned n = atomic_load_explicit(&c->refs, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&c->refs, &n, n == 1 ? n | RELEASING : n - 1))
        continue;
    if (n != 1)
        return;
    release(c);
    atomic_store(&c->refs, 0);
}

unsigned pool_hold(const struct conn *except)
{
    unsigned n = 0;
    for (; !__libc_single_threaded && n < pool_size(); n++)
        if (pool_at(n) != except)
            pthread_mutex_lock(&pool_at(n)->lock);
    return n;
}

void pool_let_go(unsigned held, const struct conn *except)
{
    for (unsigned i = 0; i < held; i++)
        if (pool_at(i) != except)
            pthread_mutex_unlock(&pool_at(i)->lock);
}

void pool_after_fork(void)
{
    pthread_mutex_init(&pool_lock, NULL);
    for (unsigned i = 0; i < pool_size(); i++) {
        struct conn *c = pool_at(i);
        lock_init(c);
        if (c->kept && conn_is_socket(c, c->kept)) /* the call that it is for is not in this process */
            real.close(c->kept);
        c->kept = 0;
    }
}
