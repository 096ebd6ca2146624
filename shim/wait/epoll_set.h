/* SPDX-License-Identifier: MIT */
/*
 * The records behind epoll.h, and the memory that they live in.
 *
 * Locks: the conn's, then the set's, never the other way. The set's lock guards its three lists and what a
 * record has to do with them (seen, pushed, on, link, set); the rest of a record is guarded by its conn's
 * lock. Both kinds of memory are type-stable: a stale pointer or index leads to a record of the same kind,
 * and is checked under the lock.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct conn;
struct epoll_reg;

#define EPOLL_UNTOLD UINT32_MAX /* no mask: a ONESHOT that fired, a call that failed */
#define EPOLL_NEVER  UINT64_MAX
#define EPOLL_SEEN_KERNEL                                                                                    \
    (1U << 27) /* at least one of the bits came from the kernel; no event has this value */

enum epoll_list { LIST_ALL, LIST_READY, LIST_WATCHED, EPOLL_LISTS };

struct epoll_link {
    struct epoll_reg *next, *before;
};

struct epoll_head {
    struct epoll_reg *first, *last;
};

struct epoll_reg {
    unsigned index; /* place in the pool, for ever */
    _Atomic(uint16_t)
        generation; /* counts uses of the place; a stale record is looked at without its conn's lock */
    _Atomic(struct conn *) conn; /* no reference: the conn drops its records before it goes */
    struct epoll_reg *next_of_conn;
    _Atomic(struct epoll_set *) set; /* NULL: the set is gone; whoever has the conn's lock frees the record */
    int fd;
    uint32_t events; /* the program's, with its flags */
    epoll_data_t data;

    _Atomic(uint32_t) kernel; /* the mask that the kernel was told last, or EPOLL_UNTOLD */
    atomic_bool disarmed;     /* ONESHOT: delivered, and the program has not asked again */
    bool quiet; /* the kernel repeats a hang-up that nobody can use now: ask for edges until something changes
                 */
    bool owes_out;    /* an OUT edge of the kernel was held back: one is due when writing becomes possible */
    bool judging;     /* a wait looks at it right now: what it finds is delivered, not put on the list */
    uint64_t told_at; /* conn.bytes_in at the last edge for reading; EPOLL_NEVER: there was none */
    short told;       /* edge-triggered: what the program has been told of since it was last untrue */

    uint32_t seen;               /* kernel events that wait to be judged, and EPOLL_SEEN_KERNEL */
    atomic_bool on[EPOLL_LISTS]; /* changed under the set's lock; a look without it may be late */
    struct epoll_link link[EPOLL_LISTS];
    uint64_t pushed; /* on the ready list: the set's count when it came there */
};

struct epoll_set {
    pthread_mutex_t lock;
    struct epoll_head list[EPOLL_LISTS];
    atomic_uint records, ready, watched; /* lengths of the lists */
    uint64_t pushes;                     /* how often a record came to the ready list */
    atomic_int waiters;
    atomic_bool nested; /* it is in another set: its ready list must make it readable */
    atomic_bool was_nested;
    struct epoll_set *next_nested;
    atomic_int number;   /* one that the set has, for epoll_ctl() */
    atomic_uint numbers; /* how many */
    struct epoll_set *next_free;
    int wake;  /* 1 + an eventfd that is in the set for a while; 0: none */
    bool turn; /* with room for one event: whose turn is it? */
};

/* ---- epoll_numbers.c ---- */

/* The record of a number that may be an epoll set; NULL if there is none. Lock-free. */
struct epoll_set *epoll_set_at(int number);
/* The same, made if need be; NULL: out of memory. */
struct epoll_set *epoll_set_made(int number);
/* `to` is a duplicate of `from`: if that is a set, it has one more number. */
void epoll_set_share(int from, int to);
/* The number names it no more; the last one frees it. */
void epoll_set_leave(int number);

/* ---- epoll_set.c ---- */

/* A clean set, or NULL; and back, forgetting its records (as epoll_set_clear()). Map memory; signals are
 * blocked meanwhile. */
struct epoll_set *epoll_set_new(int number);
void epoll_set_free(struct epoll_set *set);

/* For callers without a conn's lock: quietly. */
void epoll_set_lock(struct epoll_set *set);
void epoll_set_unlock(struct epoll_set *set);

/* Lists; under the set's lock. Adding what is there and removing what is not are allowed. */
void epoll_list_add(struct epoll_set *set, struct epoll_reg *r, enum epoll_list which);
void epoll_list_remove(struct epoll_set *set, struct epoll_reg *r, enum epoll_list which);

/* A clean record with its index, or NULL. Maps memory. */
struct epoll_reg *epoll_reg_new(void);
void epoll_reg_free(struct epoll_reg *r);

/* What the kernel is given as data, and back: NULL if it is not ours. The record may be another's by now:
 * check `set`. */
uint64_t epoll_reg_pack(const struct epoll_reg *r);
struct epoll_reg *epoll_reg_unpack(uint64_t data);
/* Was this once ours? Then it is none of the program's, whatever became of it. */
bool epoll_data_is_ours(uint64_t data);
/* The data of the eventfd that wakes a set's waiters. */
#define EPOLL_WAKE_DATA (0xf71557ULL << 40 | 0x77616b65ULL)

/* Forgets all records of a set that is no more; their conns free them later. */
void epoll_set_clear(struct epoll_set *set);
/* The child of fork() starts with fresh locks. */
void epoll_set_after_fork(void);

/* ---- epoll_notice.c; all under the conn's lock ---- */

/* The program's events as poll's bits. */
short epoll_wants(const struct epoll_reg *r);
/* The kernel's mask as it should be now. */
uint32_t epoll_mask(struct conn *c, const struct epoll_reg *r);
/* What is true of the socket that the kernel should have been told to look for and was not: the number that
 * the entry goes by may be closed, and a duplicate keeps the entry alive. */
short epoll_unasked(struct conn *c, const struct epoll_reg *r);
/* Tells the kernel if the mask differs from what it was told, unless the record is disarmed. What is left
 * then is that of epoll_unasked(). */
short epoll_sync(struct conn *c, struct epoll_reg *r);
/* ONESHOT, delivered: the kernel keeps quiet until the program asks again. */
void epoll_hush(struct conn *c, struct epoll_reg *r);
/* One record of a conn that changed. */
void epoll_notice_one(struct conn *c, struct epoll_reg *r);
/* Puts the record on its set's ready list, with bits to be judged as if the kernel gave them, and wakes who
 * waits. */
void epoll_push(struct conn *c, struct epoll_reg *r, uint32_t seen);
/* Wakes one thread that waits on the set, by an eventfd in it, which also makes the set readable for the one
 * that it is in. Needs no lock, but signals blocked. */
void epoll_wake_set(struct epoll_set *set);
/* Takes it out again. Under the set's lock. */
void epoll_take_wake(struct epoll_set *set);

/* ---- epoll_watch.c; no lock ---- */

/* Puts the watched records that need a look on the ready list. Returns the nearest deadline, WAIT_FOREVER:
 * none. `waits`: the program is prepared to sleep. */
uint64_t epoll_watch(struct epoll_set *set, bool waits);
/* The set was put into another one. */
void epoll_nest(struct epoll_set *set);
bool epoll_nested_exist(void);

/* ---- epoll_reg.c ---- */

/* As epoll_count_waiter(), for one whose number may be closed meanwhile. */
void epoll_set_count_waiter(struct epoll_set *set, int by);

/* Takes the record out of its set and frees it; the caller has taken it out of the conn, whose lock it holds.
 */
void epoll_reg_release(struct epoll_reg *r);
/* Frees the records whose sets are gone. Under the conn's lock. */
void epoll_purge(struct conn *c);
