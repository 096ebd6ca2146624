/* SPDX-License-Identifier: MIT */
#include "shim/conn/quiet.h"

#include "shim/audit/sink.h"
#include "shim/conn/held.h"
#include "shim/real.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

#define KERNEL_SET 8 /* bytes of a signal set in the kernel, and of the one that it gives to a handler */

static _Atomic(bool) signals_come;

/* Also changed by a handler of this thread that quiet_defers() sent home. */
static __thread volatile unsigned depth; /* not 0: inside */
static __thread volatile bool blocked;   /* all signals are, and before.signals is what they were */
static __thread struct quiet before;

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

static void unblock(void)
{
    sigset_t signals = before.signals;
    int error = errno;
    uint64_t sent = held_send();
    blocked = false;
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    held_settle(sent);
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

bool quiet_defers(int signal, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    int error = errno;
    bool defers = depth != 0;
    if (defers) {
        sigset_t all;
        sigfillset(&all);
        note_mask(interrupted);
        memcpy(&interrupted->uc_sigmask, &all, KERNEL_SET); /* blocked as the handler returns */
        held_keep(signal, info);
    } else {
        held_come_back(signal, info);
    }
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
