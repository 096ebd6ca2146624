/* SPDX-License-Identifier: MIT */
#include "shim/net/front.h"

#include "shim/audit.h"
#include "shim/real.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct front {
    int supervisor, signals;
    pid_t pid;  /* the command; 0: not started */
    int handle; /* a pidfd of it: its number may be another's by the time */
};

/* ---- signals ---- */

/* What the terminal sends to its foreground group has reached the command already. */
static void pass_on(const struct front *f)
{
    struct signalfd_siginfo s;
    while (real.read(f->signals, &s, sizeof s) == sizeof s)
        if (s.ssi_code <= 0 && f->handle >= 0 && s.ssi_signo != SIGCHLD)
            real.syscall(SYS_pidfd_send_signal, f->handle, (int)s.ssi_signo, NULL, 0);
}

/* Does to us what the signal does by default. */
static void suffer(int number)
{
    sigset_t only;
    real.signal(number, SIG_DFL);
    raise(number);
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL); /* here it stops or ends */
    sigprocmask(SIG_BLOCK, &only, NULL);
}

/* Whoever lets us go on means the command, too. */
static void stop(const struct front *f, int number)
{
    suffer(number);
    real.syscall(SYS_pidfd_send_signal, f->handle, SIGCONT, NULL, 0);
}

/* ---- the end ---- */

static int status_of(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    struct rlimit none = {0, 0}; /* one core is enough */
    setrlimit(RLIMIT_CORE, &none);
    suffer(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

/* The supervisor is gone without a word; what it had comes to us, and cannot connect any more. */
static int end_alone(const struct front *f)
{
    int status = 0;
    pid_t pid;
    audit_message("the supervisor was killed: from here on no connection can be made", NULL);
    while ((pid = waitpid(-1, &status, 0)) > 0 && pid != f->pid)
        pass_on(f);
    return pid == f->pid ? status_of(status) : -1;
}

/* True: *status is to be returned. */
static bool hear(struct front *f, struct net_message *why, int *status)
{
    struct net_message m;
    if (real.recv(f->supervisor, &m, sizeof m, 0) != sizeof m) {
        *status = f->pid ? end_alone(f) : -1;
        return true;
    }
    switch (m.word) {
    case WORD_STARTED:
        f->pid = m.value;
        f->handle = (int)real.syscall(SYS_pidfd_open, f->pid, 0);
        return false;
    case WORD_STOPPED: stop(f, m.value); return false;
    case WORD_ENDED:
        if (m.alone) /* the times of the command are its, and become ours */
            waitpid(-1, NULL, 0);
        *status = status_of(m.value);
        return true;
    default:
        *why = m;
        *status = -1;
        return true;
    }
}

int front_live(int supervisor, struct net_message *why)
{
    struct front f = {.supervisor = supervisor, .handle = -1};
    sigset_t all;
    int status = -1;
    sigfillset(&all);
    f.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd fds[] = {{.fd = supervisor, .events = POLLIN}, {.fd = f.signals, .events = POLLIN}};
    for (;;) {
        real.poll(fds, 2, -1);
        if (fds[1].revents)
            pass_on(&f);
        if (fds[0].revents && hear(&f, why, &status))
            return status;
    }
}
