/* SPDX-License-Identifier: MIT */
#include "shim/conn/quiet.h"

#include <pthread.h>

static __thread unsigned depth; /* not 0: signals are blocked already */
static __thread struct quiet before;

void quiet_begin(void)
{
    sigset_t all;
    if (depth) {
        depth++;
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before.signals);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before.cancel);
    depth = 1;
}

/* A handler that runs as soon as it may must find nothing of this. */
void quiet_end(void)
{
    if (--depth)
        return;
    struct quiet was = before;
    pthread_setcancelstate(was.cancel, NULL);
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
    pthread_setcancelstate(q->cancel, NULL);
}

void quiet_resume(const struct quiet *q)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    before = *q;
    depth = 1;
}

void quiet_abandon(const struct quiet *q)
{
    pthread_sigmask(SIG_SETMASK, &q->signals, NULL);
}
