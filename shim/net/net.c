/* SPDX-License-Identifier: MIT */
#include "shim/net/net.h"

#include "shim/audit/fmt.h"
#include "shim/net/command.h"
#include "shim/net/filter.h"
#include "shim/net/front.h"
#include "shim/net/supervisor.h"
#include "shim/real.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A word that no program passes by accident in a register that its call does not use. */
static bool make_cookie(uint64_t *cookie)
{
    char text[17];
    struct fmt f;
    if (getrandom(cookie, sizeof *cookie, 0) != sizeof *cookie)
        return false;
    *cookie |= 1ULL << 63 | 1ULL << 31; /* neither half is 0: 32-bit callers have the lower one alone */
    fmt_init(&f, text, sizeof text);
    fmt_hex_u64(&f, *cookie);
    return setenv(FILTER_COOKIE_VARIABLE, fmt_text(&f), 1) == 0;
}

static const char *explain(const struct net_message *m)
{
    if (m->step == STEP_LOOK)
        return "it may not look into the programs that it starts (is ptrace restricted here?)";
    if (m->step == STEP_LOCAL)
        return "a process or a descriptor could not be made";
    switch (m->value) {
    case EBUSY: return "a supervisor is there already (a container manager, or another tlsup run --strict)";
    case EINVAL:
    case ENOSYS: return "the kernel has no seccomp user notification (Linux 5.9 or later is needed)";
    default: return "seccomp filters are forbidden here (by a container?)";
    }
}

static const char *error_text(const struct net_message *m)
{
    const char *text = strerrordesc_np(m->value);
    return text ? text : "unknown error";
}

static int refuse(const struct net_order *order, const struct net_message *m)
{
    order->refuse(explain(m), error_text(m));
    return order->failed;
}

static int do_nothing(char **command)
{
    (void)command;
    return 0;
}

bool net_try(const char **what, const char **why)
{
    const struct net_order order = {.start = do_nothing};
    const struct net_before before = {.front = getpid()};
    struct net_message m;
    struct command c;
    real_resolve();
    if (!command_fork(&c, &order, &before, 1, &m)) {
        *what = explain(&m);
        *why = error_text(&m);
        return false;
    }
    command_go(true);
    while (waitpid(c.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    real.close(c.listener);
    return true;
}

int net_run(const struct net_order *order)
{
    struct net_before before;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    struct net_message why = {.word = WORD_REFUSED, .step = STEP_LOCAL, .value = ENOMEM};
    uint64_t cookie = 0;
    int ends[2];
    sigset_t all;
    real_resolve();
    sigfillset(&all);
    before.front = getpid();
    real.sigaction(SIGCHLD, &plain, &before.child);
    sigprocmask(SIG_SETMASK, &all, &before.mask);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* the command is ours if the supervisor dies */
    if (!make_cookie(&cookie) || real.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return refuse(order, &why);
    pid_t pid = fork();
    if (pid == 0) {
        real.close(ends[0]);
        supervisor_live(order, &before, cookie, ends[1]);
    }
    why.value = errno;
    real.close(ends[1]);
    int status = pid > 0 ? front_live(ends[0], &why) : -1;
    return status < 0 ? refuse(order, &why) : status;
}
