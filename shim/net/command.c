/* SPDX-License-Identifier: MIT */
#include "shim/net/command.h"

#include "shim/audit/fmt.h"
#include "shim/net/filter.h"
#include "shim/net/pass.h"
#include "shim/net/sock.h"
#include "shim/real.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* SECCOMP_IOCTL_NOTIF_SET_FLAGS and SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, linux/seccomp.h of Linux 6.6 */
#define NOTIF_SET_FLAGS           _IOW('!', 4, uint64_t)
#define WAKE_ON_CALLERS_PROCESSOR 1UL

static int line = -1; /* between supervisor and command, until exec */

/* ---- in the command ---- */

/* What a service manager says is for one process, and names it by the one that it has started: the front
 * (sd_listen_fds(3), sd_watchdog_enabled(3)). The command is meant. */
static void take_over(const char *variable, pid_t front)
{
    const char *value = secure_getenv(variable);
    char digits[24];
    if (!value || strtol(value, NULL, 10) != front)
        return;
    struct fmt f;
    fmt_init(&f, digits, sizeof digits);
    fmt_u64(&f, (uint64_t)getpid());
    setenv(variable, fmt_text(&f), 1);
}

__attribute__((noreturn)) static void live(const struct net_order *order, const struct net_before *before,
                                           uint64_t cookie)
{
    char go = 0;
    int listener = filter_install(cookie);
    pass_send(line, listener, listener < 0 ? errno : 0);
    if (real.recv(line, &go, sizeof go, 0) != sizeof go)
        _exit(order->failed);
    real.close(listener);
    take_over("LISTEN_PID", before->front);
    take_over("WATCHDOG_PID", before->front);
    real.sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
    _exit(order->start(order->command));
}

/* ---- in the supervisor ---- */

/* Whoever calls gives us its processor at once (Linux 6.6): the sooner a call is looked at, the fewer signals
 * find it waiting. Older kernels wake us as they do anybody. */
static void be_woken_at_once(int listener)
{
    real.ioctl(listener, NOTIF_SET_FLAGS, WAKE_ON_CALLERS_PROCESSOR);
}

/* Linux 5.9 knows ADDFD, and tells when the last process under the filter is gone. */
static bool kernel_is_new_enough(int listener)
{
    struct seccomp_notif_addfd nothing;
    memset(&nothing, 0, sizeof nothing);
    nothing.srcfd = (uint32_t)-1;
    return real.ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &nothing) == 0 || errno != EINVAL;
}

/* May we take a descriptor out of the command and read its memory? */
static int try_to_look(pid_t pid)
{
    static char there = 1;
    char here = 0;
    struct iovec to = {&here, 1}, from = {&there, 1};
    int fd = sock_take(pid, line);
    if (fd < 0)
        return errno;
    real.close(fd);
    return process_vm_readv(pid, &to, 1, &from, 1, 0) == 1 ? 0 : errno;
}

static bool check(struct command *c, struct net_message *why)
{
    int error = 0;
    *why = (struct net_message){.word = WORD_REFUSED, .step = STEP_FILTER};
    c->listener = pass_receive(line, &error);
    if (c->listener >= 0 && !kernel_is_new_enough(c->listener))
        error = ENOSYS;
    be_woken_at_once(c->listener);
    if (!error) {
        why->step = STEP_LOOK;
        error = try_to_look(c->pid);
    }
    why->value = error;
    return error == 0;
}

bool command_fork(struct command *c, const struct net_order *order, const struct net_before *before,
                  uint64_t cookie, struct net_message *why)
{
    int ends[2] = {-1, -1};
    *c = (struct command){.pid = -1, .listener = -1};
    *why = (struct net_message){.word = WORD_REFUSED, .step = STEP_LOCAL};
    if (real.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0)
        c->pid = fork();
    if (c->pid == 0) {
        line = ends[1];
        real.close(ends[0]);
        live(order, before, cookie);
    }
    why->value = errno;
    line = ends[0];
    real.close(ends[1]);
    if (c->pid > 0 && check(c, why))
        return true;
    command_go(false);
    if (c->pid > 0)
        waitpid(c->pid, NULL, 0);
    return false;
}

int command_line(void)
{
    return line;
}

void command_go(bool yes)
{
    char go = 1;
    if (yes)
        real.send(line, &go, sizeof go, MSG_NOSIGNAL);
    real.close(line);
}
