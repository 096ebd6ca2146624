/* SPDX-License-Identifier: MIT */
#include "shim/conn/quiet.h"

#include "shim/real.h"

#include <errno.h>
#include <pthread.h>

static __thread unsigned depth; /* not 0: signals are blocked already */
static __thread struct quiet before;

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

static void restore_cancellation(const struct quiet *q)
{
    pthread_setcancelstate(q->cancel, NULL);
    if (q->type == PTHREAD_CANCEL_ASYNCHRONOUS)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL); /* NOLINT(cert-pos47-c): the program's */
}

void quiet_begin(void)
{
    sigset_t all;
    if (depth) {
        depth++;
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before.signals);
    hold_cancellation(&before);
    depth = 1;
}

/* A handler that runs as soon as it may must find nothing of this. */
void quiet_end(void)
{
    if (--depth)
        return;
    struct quiet was = before;
    restore_cancellation(&was);
    pthread_sigmask(SIG_SETMASK, &was.signals, NULL);
}

bool quiet_holds_back(int signal)
{
    return sigismember(&before.signals, signal) == 0;
}

void quiet_suspend(struct quiet *q)
{
    *q = before;
    depth = 0;
    restore_cancellation(q);
}

void quiet_resume(const struct quiet *q)
{
    struct quiet now;
    hold_cancellation(&now);
    before = *q;
    depth = 1;
}

void quiet_abandon(const struct quiet *q)
{
    pthread_sigmask(SIG_SETMASK, &q->signals, NULL);
}
