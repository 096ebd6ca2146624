/* SPDX-License-Identifier: MIT */
#include "shim/conn/quiet.h"

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

/* What was kept away. More than one only while a handler that came back uses connections itself. */
struct held {
    int signal; /* 0: none */
    bool sent;  /* again; its note is in the kernel's queue */
    siginfo_t info;
};
#define HELD 4
static __thread struct held held[HELD];

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

static struct held *find_held(int signal, bool sent)
{
    for (size_t i = 0; i < HELD; i++)
        if (held[i].signal == signal && held[i].sent == sent)
            return &held[i];
    return NULL;
}

/* To this thread, whose signals are blocked. */
static void queue_signal(int signal, siginfo_t *info)
{
    if (real.syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), signal, info) != 0)
        tgkill(getpid(), gettid(),
               signal); /* the kernel keeps no more of them, or not what the kernel sent */
}

/* A note in the kernel's queue, by which come_back() knows its own. */
static void send_again(struct held *h)
{
    siginfo_t note;
    memset(&note, 0, sizeof note);
    note.si_signo = h->signal;
    note.si_code = SI_QUEUE;
    note.si_pid = getpid();
    note.si_uid = getuid();
    note.si_value.sival_ptr = h;
    h->sent = true;
    queue_signal(h->signal, &note);
}

static void unblock(void)
{
    sigset_t signals = before.signals;
    int error = errno;
    struct held *h = NULL;
    for (size_t i = 0; i < HELD; i++)
        if (held[i].signal && !held[i].sent)
            h = &held[i];
    if (h)
        send_again(h);
    blocked = false;
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    if (h) /* it has come by now, unless somebody ignores it */
        *h = (struct held){0};
    errno = error;
}

/* Keeps a handler away until the end: as it returns, all signals are blocked. They are in it, too. */
static void hold(int signal, siginfo_t *info, ucontext_t *context)
{
    sigset_t all;
    sigfillset(&all);
    if (!blocked) {
        sigemptyset(&before.signals);
        memcpy(&before.signals, &context->uc_sigmask, KERNEL_SET);
        blocked = true;
    }
    memcpy(&context->uc_sigmask, &all, KERNEL_SET);
    struct held *h = find_held(0, false);
    if (h)
        *h = (struct held){signal, false, *info};
    else
        queue_signal(signal, info);
}

/* One that was held comes as it came first. Others of a real-time signal that came in the meantime stand
 * before its note in the queue: each gets what the one before it had. Of the others there is only one at a
 * time. */
static void come_back(int signal, siginfo_t *info)
{
    struct held *h = find_held(signal, true);
    if (!h)
        return;
    siginfo_t now = *info;
    *info = h->info;
    if (signal < FIRST_QUEUED || (now.si_code == SI_QUEUE && now.si_value.sival_ptr == h))
        *h = (struct held){0};
    else
        h->info = now;
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
