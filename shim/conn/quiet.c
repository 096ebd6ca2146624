/* SPDX-License-Identifier: MIT */
#include "shim/conn/quiet.h"

#include "shim/audit/sink.h"
#include "shim/real.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define FIRST_QUEUED 32 /* of the signals that the kernel keeps more than one of */
#define KERNEL_SET   8  /* bytes of a signal set in the kernel, and of the one that it gives to a handler */

static _Atomic(bool) signals_come;

/* Also changed by a handler of this thread that quiet_defers() sent home. */
static __thread volatile unsigned depth; /* not 0: inside */
static __thread volatile bool blocked;   /* all signals are, and before.signals is what they were */
static __thread struct quiet before;

/* What was kept away, of all threads: a place in each would be too much for an object that is loaded late. A
 * handler that runs within another one of its thread takes or frees one in between. */
struct held {
    atomic_int state; /* the signal; negative: it was sent again, and its note is in the kernel's queue */
    _Atomic(const void *) owner;
    siginfo_t info;
};
#define HELD  64
#define FREE  0
#define TAKEN NSIG
static struct held held[HELD];
static __thread unsigned mine; /* of them, that wait for the end */

/* Of this thread. */
static const void *self(void)
{
    return (const void *)&depth;
}

/* ---- cancellation ---- */

/* To disable cancellation does not call back a cancellation that is on its way to a thread whose type is
 * asynchronous: it ends the thread at its next instruction, or within the next cancellation point, whatever
 * the state is by then (glibc's handler looks at the type alone). A cancellation point waits at its end for
 * the one that is on its way, and a deferred type lets it pass. */
static void hold_cancellation(struct quiet *q)
{
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &q->type);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &q->cancel);
    if (q->type == PTHREAD_CANCEL_ASYNCHRONOUS) {
        int error = errno;
        real.read(-1, NULL, 0);
        errno = error;
    }
}

static void restore_type(int type)
{
    if (type == PTHREAD_CANCEL_ASYNCHRONOUS)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL); /* NOLINT(cert-pos47-c): the program's */
}

/* ---- signals ---- */

void quiet_allow(bool signals)
{
    atomic_store(&signals_come, signals);
}

static void block(void)
{
    sigset_t all, was;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &was);
    if (!blocked) {
        before.signals = was;
        blocked = true;
    }
}

static bool become_taken(struct held *h, int from)
{
    return atomic_compare_exchange_strong(&h->state, &from, TAKEN);
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
        if (atomic_load(&held[i].owner) == self() && become_taken(&held[i], -signal))
            return &held[i];
    return NULL;
}

static void give_back(struct held *h)
{
    atomic_store(&h->owner, NULL);
    atomic_store(&h->state, FREE);
}

void quiet_after_fork(void)
{
    for (size_t i = 0; i < HELD; i++)
        give_back(&held[i]);
    mine = 0;
}

/* To this thread, whose signals are blocked. What it carries matters for those that queue alone. */
static void queue_signal(int signal, siginfo_t *info)
{
    if (signal < FIRST_QUEUED ||
        real.syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), signal, info) != 0) /* the queue is full */
        tgkill(getpid(), gettid(), signal);
}

/* A real-time signal gets a note, by which come_back() knows its own. */
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

/* Sends those of this thread that have not been, and says which by their bits. */
static uint64_t send_all_again(void)
{
    uint64_t sent = 0;
    for (size_t i = 0; i < HELD && mine; i++) {
        int state = atomic_load(&held[i].state);
        if (atomic_load(&held[i].owner) != self() || state <= 0 || state == TAKEN)
            continue;
        send_again(&held[i]);
        sent |= (uint64_t)1 << i;
    }
    mine = 0;
    return sent;
}

static void unblock(void)
{
    sigset_t signals = before.signals;
    int error = errno;
    uint64_t sent = send_all_again();
    blocked = false;
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    for (size_t i = 0; sent; i++, sent >>= 1) /* they have come by now, unless somebody ignores them */
        if (sent & 1 && atomic_load(&held[i].owner) == self())
            give_back(&held[i]);
    errno = error;
}

static bool is_subset(const sigset_t *small, const sigset_t *large)
{
    sigset_t both;
    sigandset(&both, small, large);
    return memcmp(&both, small, KERNEL_SET) == 0;
}

/* What the thread has blocked by itself. A handler may have been interrupted before it came to this, by one
 * that did, and that saw its mask as well: the outer one, which comes to it later, has less. */
static void note_mask(const ucontext_t *context)
{
    sigset_t was;
    sigemptyset(&was);
    memcpy(&was, &context->uc_sigmask, KERNEL_SET);
    for (int n = 1; n < NSIG; n++)
        if (sink_has_blocked(n))
            sigdelset(&was, n);
    if (!blocked || is_subset(&was, &before.signals))
        before.signals = was;
    blocked = true;
}

/* Keeps a handler away until the end: as it returns, all signals are blocked. */
static void hold(int signal, siginfo_t *info, ucontext_t *context)
{
    sigset_t all;
    sigfillset(&all);
    note_mask(context);
    memcpy(&context->uc_sigmask, &all, KERNEL_SET);
    struct held *h = take_free();
    if (h) {
        h->info = *info;
        mine++;
        atomic_store(&h->state, signal);
    } else {
        queue_signal(signal, info);
    }
}

/* One that was held comes as it came first. Others of a real-time signal that came in the meantime stand
 * before its note in the queue: each gets what the one before it had. Of the others there is only one at a
 * time. */
static void come_back(int signal, siginfo_t *info)
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

bool quiet_defers(int signal, siginfo_t *info, void *context)
{
    int error = errno;
    bool defers = depth != 0;
    if (defers)
        hold(signal, info, context);
    else
        come_back(signal, info);
    errno = error;
    return defers;
}

bool quiet_holds_back(int signal)
{
    return sigismember(&before.signals, signal) == 0;
}

/* ---- quiet ---- */

void quiet_begin(void)
{
    if (depth) {
        depth++;
        return;
    }
    if (!atomic_load_explicit(&signals_come, memory_order_relaxed))
        block();
    depth = 1;
    atomic_signal_fence(memory_order_seq_cst);
    hold_cancellation(&before);
}

void quiet_begin_blocked(void)
{
    block();
    if (depth++ == 0)
        hold_cancellation(&before);
}

/* A handler that runs as soon as it may must find nothing of this. */
void quiet_end(void)
{
    if (depth > 1) {
        depth--;
        return;
    }
    int type = before.type;
    pthread_setcancelstate(before.cancel, NULL);
    atomic_signal_fence(memory_order_seq_cst);
    depth = 0;
    if (blocked)
        unblock();
    restore_type(type);
}

void quiet_suspend(struct quiet *q)
{
    *q = before;
    depth = 0;
    blocked = false;
    pthread_setcancelstate(q->cancel, NULL);
    restore_type(q->type);
}

void quiet_resume(const struct quiet *q)
{
    struct quiet now;
    hold_cancellation(&now);
    before = *q;
    blocked = true;
    depth = 1;
}

void quiet_abandon(const struct quiet *q)
{
    pthread_sigmask(SIG_SETMASK, &q->signals, NULL);
}
