/* SPDX-License-Identifier: MIT */
/* What is asked of the kernel, by trying it. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/cli/doctor.h"

static bool has_cookie(void)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 && cookie;

    if (fd >= 0)
        close(fd);
    return has;
}

static bool has_notification(void)
{
    uint32_t action = SECCOMP_RET_USER_NOTIF;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool has_close_range(void)
{
    return syscall(SYS_close_range, ~0U, ~0U, 0) == 0 || errno != ENOSYS;
}

static bool has_pidfd_getfd(void)
{
    return syscall(SYS_pidfd_getfd, -1, 0, 0) == 0 || (errno != ENOSYS && errno != EPERM);
}

static bool has_proc(void)
{
    return access("/proc/self/exe", F_OK) == 0;
}

static const struct {
    bool (*has)(void);
    enum doctor_status without;
    const char *what, *lacks;
} asked[] = {
    {has_cookie, DOCTOR_FAIL, "SO_COOKIE", "descriptors cannot be told apart"},
    {has_proc, DOCTOR_NOTE, "/proc", "records do not name the program"},
    {has_close_range, DOCTOR_NOTE, "close_range", "programs get the error that they would get anyway"},
    {has_notification, DOCTOR_NOTE, "seccomp notification",
     "the kernel cannot catch what a preload does not see"},
    {has_pidfd_getfd, DOCTOR_NOTE, "pidfd_getfd", "the kernel cannot catch what a preload does not see"},
};

void doctor_kernel(struct doctor *d)
{
    size_t n = sizeof(asked) / sizeof(asked[0]), missing = 0;

    for (size_t i = 0; i < n; i++) {
        if (asked[i].has())
            continue;
        missing++;
        doctor_say(d, "kernel", asked[i].without,
                   "a newer kernel has it; a container's seccomp profile may take it away", "no %s: %s",
                   asked[i].what, asked[i].lacks);
    }
    if (!missing)
        doctor_say(d, "kernel", DOCTOR_OK, NULL,
                   "SO_COOKIE, /proc, close_range, seccomp notification, pidfd_getfd");
}
