/* SPDX-License-Identifier: MIT */
#include "shim/conn/held.h"

#include "shim/real.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_QUEUED 32 /* of the signals that the kernel keeps more than one of */

/* Of all threads: places in each would be too much for an object that is loaded late. */
struct held {
    atomic_int state; /* the signal; negative: it was sent again, and its note is in the kernel's queue */
    _Atomic(const void *) owner;
    siginfo_t info;
};
#define HELD  64
#define FREE  0
#define TAKEN NSIG
static struct held held[HELD];

static __thread unsigned unsent; /* of this thread */

/* Of no other thread. */
static const void *self(void)
{
    return &unsent;
}

static bool is_mine(const struct held *h)
{
    return atomic_load(&h->owner) == self();
}

static bool become_taken(struct held *h, int from)
{
    return atomic_compare_exchange_strong(&h->state, &from, TAKEN);
}

static void give_back(struct held *h)
{
    atomic_store(&h->owner, NULL);
    atomic_store(&h->state, FREE);
}

/* A free one, which is TAKEN from here on; NULL: there is none. */
static struct held *take_free(void)
{
    for (size_t i = 0; i < HELD; i++)
        if (become_taken(&held[i], FREE)) {
            atomic_store(&held[i].owner, self());
            return &held[i];
        }
    return NULL;
}

/* The one that was sent again, likewise. */
static struct held *take_sent(int signal)
{
    for (size_t i = 0; i < HELD; i++)
        if (is_mine(&held[i]) && become_taken(&held[i], -signal))
            return &held[i];
    return NULL;
}

/* What it carries matters for those that queue alone. */
static void queue_signal(int signal, siginfo_t *info)
{
    if (signal < FIRST_QUEUED ||
        real.syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), signal, info) != 0) /* the queue is full */
        tgkill(getpid(), gettid(), signal);
}

/* A real-time signal gets a note, by which held_come_back() knows its own. */
static void send_again(struct held *h)
{
    siginfo_t note;
    int signal = atomic_load(&h->state);
    memset(&note, 0, sizeof note);
    note.si_signo = signal;
    note.si_code = SI_QUEUE;
    note.si_pid = getpid();
    note.si_uid = getuid();
    note.si_value.sival_ptr = h;
    atomic_store(&h->state, -signal);
    queue_signal(signal, &note);
}

void held_keep(int signal, siginfo_t *info)
{
    struct held *h = take_free();
    if (!h) {
        queue_signal(signal, info);
        return;
    }
    h->info = *info;
    unsent++;
    atomic_store(&h->state, signal);
}

uint64_t held_send(void)
{
    uint64_t sent = 0;
    for (size_t i = 0; i < HELD && unsent; i++) {
        int state = atomic_load(&held[i].state);
        if (!is_mine(&held[i]) || state < 0 ||
            state == TAKEN) /* by what a handler of this thread interrupted */
            continue;
        send_again(&held[i]);
        sent |= (uint64_t)1 << i;
        unsent--;
    }
    return sent;
}

void held_settle(uint64_t sent)
{
    for (size_t i = 0; sent; i++, sent >>= 1)
        if (sent & 1 && is_mine(&held[i]))
            give_back(&held[i]);
}

/* Other ones of a real-time signal, which came in the meantime, stand before its note in the queue: each gets
 * what the one before it had, and the order is kept. Of a standard signal there is only one at a time. */
void held_come_back(int signal, siginfo_t *info)
{
    struct held *h = take_sent(signal);
    if (!h)
        return;
    siginfo_t now = *info;
    bool is_note = now.si_code == SI_QUEUE && now.si_value.sival_ptr == h;
    *info = h->info;
    h->info = now;
    if (signal < FIRST_QUEUED || is_note)
        give_back(h);
    else
        atomic_store(&h->state, -signal);
}

void held_after_fork(void)
{
    for (size_t i = 0; i < HELD; i++)
        if (!is_mine(&held[i]) || atomic_load(&held[i].state) < 0)
            give_back(&held[i]);
}
