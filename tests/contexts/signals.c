/* SPDX-License-Identifier: MIT */
/* Handlers, installed and asked for in every way, that look at the connection and at what they were given. */
#include "tests/contexts/contexts.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define OTHER  SIGURG
#define QUEUED (SIGRTMIN + 3)

/* siginterrupt() and sigset() are old, and so are the programs that call them */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

int __sigaction(int signal, const struct sigaction *new, struct sigaction *old);
sighandler_t __sysv_signal(int signal, sighandler_t handler);
sighandler_t bsd_signal(int signal, sighandler_t handler);

static int readable; /* of the descriptor, in the handler */
static const struct ends *ends;

static int is_blocked(int signal)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signal);
}

static void look(void)
{
    struct pollfd p = {.fd = ends->r, .events = POLLIN};
    readable = poll(&p, 1, 0);
}

static void handler(int signal)
{
    look();
    say("handler %d: itself %d, another %d, readable %d", signal, is_blocked(signal), is_blocked(OTHER),
        readable);
}

static void informed(int signal, siginfo_t *info, void *context)
{
    ucontext_t *from = context;
    look();
    say("informed %d: number %d, code %d, value %d, from me %d", signal, info->si_signo, info->si_code,
        info->si_code == SI_QUEUE ? info->si_value.sival_int : 0, info->si_pid == getpid());
    say("interrupted with itself %d, another %d; now %d, %d", sigismember(&from->uc_sigmask, signal),
        sigismember(&from->uc_sigmask, OTHER), is_blocked(signal), is_blocked(OTHER));
    sigaddset(&from->uc_sigmask, SIGWINCH); /* counts when it returns */
}

/* To this thread, which may be one of several, or a child that shares its parent's memory. */
static void send_value(int value)
{
    siginfo_t info = {.si_signo = QUEUED, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = value;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), QUEUED, &info);
}

static void show(const char *what, const struct sigaction *a)
{
    say("%s: handler %d, informed %d, default %d, flags %x, another %d, itself %d", what,
        a->sa_handler == handler, a->sa_sigaction == informed, a->sa_handler == SIG_DFL,
        (unsigned)a->sa_flags & ~0x04000000U, sigismember(&a->sa_mask, OTHER),
        sigismember(&a->sa_mask, SIGUSR2));
}

static void show_handler(const char *what, sighandler_t h)
{
    say("%s: handler %d, default %d, ignored %d, error %d", what, h == handler, h == SIG_DFL, h == SIG_IGN,
        h == SIG_ERR);
}

/* A sleep with a mask of its own: the handler runs with that, and what comes in the handler as well. */
static void sleep_with_mask(const struct ends *e)
{
    struct pollfd p = {.fd = e->r, .events = POLLIN};
    sigset_t both, before, none;
    sigemptyset(&none);
    sigemptyset(&both);
    sigaddset(&both, SIGUSR2);
    sigaddset(&both, OTHER);
    pthread_sigmask(SIG_BLOCK, &both, &before);
    raise(SIGUSR2);
    said("ppoll", ppoll(&p, 1, &(struct timespec){.tv_nsec = 1}, &none));
    say("blocked again %d %d", is_blocked(SIGUSR2), is_blocked(OTHER));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

typedef int sigaction_call(int signal, const struct sigaction *new, struct sigaction *old);

static void with_sigaction(struct ends *e, sigaction_call *call)
{
    struct sigaction simple = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction full = {.sa_sigaction = informed, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction before, old;
    ends = e;
    said("simply", call(SIGUSR2, &simple, &before));
    sleep_with_mask(e);
    sigaddset(&simple.sa_mask, OTHER);
    sigaddset(&full.sa_mask, OTHER);
    put(e, HELLO);
    arrived(e, hello_len);
    said("first", call(SIGUSR2, &simple, &old));
    show("before", &before);
    show("old", &old);
    raise(SIGUSR2);
    said("second", call(SIGUSR2, &full, &old));
    show("old", &old);
    raise(SIGUSR2);
    say("left blocked %d", is_blocked(SIGWINCH));
    said("asked", call(SIGUSR2, NULL, &old));
    show("now", &old);
    said("queued", call(QUEUED, &full, NULL));
    send_value(42);
    full.sa_flags = (int)(SA_SIGINFO | SA_RESETHAND);
    said("once", call(QUEUED, &full, NULL));
    send_value(43);
    said("asked", call(QUEUED, NULL, &old));
    say("gone %d", old.sa_handler == SIG_DFL);
    said("wrong", call(SIGKILL, &simple, NULL));
    said("wrong", call(4711, NULL, &old));
    said("back", call(SIGUSR2, &before, &old));
    show("old", &old);
    take(e, hello_len);
    sigset_t winch;
    sigemptyset(&winch);
    sigaddset(&winch, SIGWINCH);
    pthread_sigmask(SIG_UNBLOCK, &winch, NULL);
}

SNIPPET(sigaction)
{
    with_sigaction(e, sigaction);
}

SNIPPET(__sigaction)
{
    with_sigaction(e, __sigaction);
}

typedef sighandler_t signal_call(int signal, sighandler_t handler);

static void with_signal(struct ends *e, signal_call *call)
{
    struct sigaction before, now;
    ends = e;
    sigaction(SIGUSR2, NULL, &before);
    put(e, HELLO);
    arrived(e, hello_len);
    show_handler("first", call(SIGUSR2, handler));
    sigaction(SIGUSR2, NULL, &now);
    show("now", &now);
    raise(SIGUSR2);
    sigaction(SIGUSR2, NULL, &now);
    show("after", &now);
    show_handler("ignore", call(SIGUSR2, SIG_IGN));
    raise(SIGUSR2);
    show_handler("again", call(SIGUSR2, handler));
    siginterrupt(SIGUSR2, 1);
    sigaction(SIGUSR2, NULL, &now);
    show("interrupts", &now);
    raise(SIGUSR2);
    siginterrupt(SIGUSR2, 0);
    show_handler("default", call(SIGUSR2, SIG_DFL));
    show_handler("wrong", call(SIGKILL, handler));
    show_handler("wrong", call(4711, handler));
    sigaction(SIGUSR2, &before, NULL);
    take(e, hello_len);
}

SNIPPET(signal)
{
    with_signal(e, signal);
}

SNIPPET(bsd_signal)
{
    with_signal(e, bsd_signal);
}

SNIPPET(ssignal)
{
    with_signal(e, ssignal);
}

SNIPPET(sysv_signal)
{
    with_signal(e, sysv_signal);
}

SNIPPET(__sysv_signal)
{
    with_signal(e, __sysv_signal);
}

SNIPPET(sigset)
{
    sigset_t set;
    with_signal(e, sigset);
    show_handler("hold", sigset(SIGUSR2, SIG_HOLD) == SIG_HOLD ? SIG_ERR : SIG_DFL);
    say("held %d", is_blocked(SIGUSR2));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
