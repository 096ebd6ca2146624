/* SPDX-License-Identifier: MIT */
/*
 * Handlers of the program stand behind one of ours once there is a connection that is governed, so that a
 * step of ours need not block the signals (conn/quiet.h): a signal that comes within one is sent again at its
 * end. The program sees its own handlers, and they run as the kernel would run them: with the same mask, on
 * the same stack, with the same siginfo, and what they do to their ucontext counts.
 *
 * Handlers of faults are left alone, which no mask holds back either. Where one was installed past us (a
 * language runtime's own system calls) everything stays as it is, and steps block the signals.
 */
#include "shim/hooks/signals.h"

#include "shim/conn/held.h"
#include "shim/conn/quiet.h"
#include "shim/hooks/hooks.h"
#include "shim/real.h"
#include "shim/table.h"
#include "shim/wait/block.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* What the program has installed, by signal. Written under the lock and quietly; a handler reads it again if
 * the count has changed or is odd. */
static struct sigaction programs[NSIG];
static _Atomic(unsigned) edition;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static _Atomic(bool) came_by_us[NSIG]; /* whatever handler there is, we have seen it come */
static _Atomic(bool) watching;         /* handlers are put behind ours */
static _Atomic(bool) past_us;          /* some handler was not seen */

/* `raw`: a handler of the program's own may stand in the kernel, which nobody holds back within a step. */
static void begin(bool raw)
{
    if (raw)
        quiet_begin_blocked();
    else
        quiet_begin();
    pthread_mutex_lock(&lock);
}

static void end(void)
{
    pthread_mutex_unlock(&lock);
    quiet_end();
}

void signals_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    atomic_store(&edition, 0);
    held_after_fork();
}

/* ---- what is whose ---- */

static void on_signal(int signal, siginfo_t *info, void *context);

static bool is_ours(const struct sigaction *a)
{
    return a->sa_sigaction == on_signal;
}

static bool is_handler(const struct sigaction *a)
{
    return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN && a->sa_handler != SIG_ERR &&
           a->sa_handler != SIG_HOLD;
}

static bool may_be_wrapped(int signal)
{
    return signal > 0 && signal < NSIG && !wait_is_fault(signal);
}

static struct sigaction programs_own(int signal)
{
    struct sigaction a;
    unsigned from;
    do {
        from = atomic_load(&edition);
        a = programs[signal];
        atomic_thread_fence(memory_order_acquire);
    } while (from % 2 || from != atomic_load(&edition));
    return a;
}

static void keep(int signal, const struct sigaction *a)
{
    atomic_fetch_add(&edition, 1);
    programs[signal] = *a;
    atomic_fetch_add(&edition, 1);
}

/* The handler that the kernel gets for it. */
static struct sigaction wrapper(const struct sigaction *a)
{
    struct sigaction w = *a;
    w.sa_sigaction = on_signal;
    w.sa_flags = (a->sa_flags | SA_SIGINFO) & ~(int)SA_RESETHAND;
    return w;
}

/* What the program is told of what the kernel has. siginterrupt() changes a flag without asking us. */
static void unwrap(struct sigaction *a, const struct sigaction *own)
{
    const int kept = SA_SIGINFO | (int)SA_RESETHAND;
    if (!is_ours(a))
        return;
    a->sa_sigaction = own->sa_sigaction;
    a->sa_flags = (a->sa_flags & ~kept) | (own->sa_flags & kept);
}

/* ---- the handler ---- */

static void on_signal(int signal, siginfo_t *info, void *context)
{
    if (quiet_defers(signal, info, context))
        return;
    struct sigaction own = programs_own(signal);
    if (own.sa_flags & (int)SA_RESETHAND) {
        struct sigaction none = own;
        none.sa_handler = SIG_DFL;
        real.sigaction(signal, &none, NULL);
    }
    if (own.sa_flags & SA_SIGINFO)
        own.sa_sigaction(signal, info, context);
    else
        own.sa_handler(signal);
}

/* ---- putting it before the program's ---- */

/* Under the lock: what the program has for it now, by whatever call. */
static void wrap(int signal)
{
    struct sigaction now;
    if (real.sigaction(signal, NULL, &now) != 0 || !is_handler(&now) || is_ours(&now))
        return;
    if (!atomic_load(&came_by_us[signal])) {
        atomic_store(&past_us, true);
        return;
    }
    keep(signal, &now);
    struct sigaction w = wrapper(&now);
    real.sigaction(signal, &w, NULL);
}

void signals_watch(void)
{
    if (HOOKS_ARE_32_BIT || atomic_load(&watching)) /* there a frame may be one without a ucontext */
        return;
    int saved = errno;
    begin(true);
    if (!atomic_exchange(&watching, true)) {
        for (int signal = 1; signal < NSIG; signal++)
            if (may_be_wrapped(signal))
                wrap(signal);
        quiet_allow(!atomic_load(&past_us));
    }
    end();
    errno = saved;
}

void signals_past_us(void)
{
    atomic_store(&past_us, true);
    quiet_allow(false);
}

/* ---- the exported bodies ---- */

/* Before there is a connection, and in a child that shares our memory: only what came is remembered. */
static bool is_watched(int signal)
{
    return may_be_wrapped(signal) && table_is_ours() && atomic_load(&watching);
}

static int install(int signal, const struct sigaction *act, struct sigaction *old)
{
    struct sigaction w = is_handler(act) && !is_ours(act) ? wrapper(act) : *act;
    begin(false);
    struct sigaction own = programs[signal], was;
    if (is_ours(&w) && !is_ours(act))
        keep(signal, act);
    int rc = real.sigaction(signal, &w, &was);
    end();
    if (rc == 0 && old) {
        unwrap(&was, &own);
        *old = was;
    }
    return rc;
}

EXPORT int sigaction(int signal, const struct sigaction *act, struct sigaction *old)
{
    if (act && may_be_wrapped(signal))
        atomic_store_explicit(&came_by_us[signal], true, memory_order_relaxed);
    if (act && is_watched(signal))
        return install(signal, act, old);
    int rc = real.sigaction(signal, act, old);
    if (rc == 0 && old && may_be_wrapped(signal) && is_ours(old)) {
        struct sigaction own = programs_own(signal);
        unwrap(old, &own);
    }
    return rc;
}
ALIAS_OF(sigaction) int __sigaction(int signal, const struct sigaction *act, struct sigaction *old);

/* Calls that install a handler with what they think are the right flags: wrapped as they did it. */
static sighandler_t by_call(sighandler_t (*call)(int, sighandler_t), int signal, sighandler_t handler)
{
    if (!may_be_wrapped(signal))
        return call(signal, handler);
    struct sigaction own = programs_own(signal);
    atomic_store_explicit(&came_by_us[signal], true, memory_order_relaxed);
    sighandler_t old = call(signal, handler);
    int saved = errno;
    if (old != SIG_ERR && is_watched(signal)) {
        begin(true);
        wrap(signal);
        end();
    }
    errno = saved;
    return (void *)old == (void *)on_signal ? own.sa_handler : old;
}

EXPORT sighandler_t signal(int signal, sighandler_t handler)
{
    return by_call(real.signal, signal, handler);
}
ALIAS_OF(signal) sighandler_t bsd_signal(int signal, sighandler_t handler);
ALIAS_OF(signal) sighandler_t ssignal(int signal, sighandler_t handler);

EXPORT sighandler_t __sysv_signal(int signal, sighandler_t handler)
{
    return by_call(real.__sysv_signal, signal, handler);
}
ALIAS_OF(__sysv_signal) sighandler_t sysv_signal(int signal, sighandler_t handler);

EXPORT sighandler_t sigset(int signal, sighandler_t handler)
{
    return by_call(real.sigset, signal, handler);
}
