/* SPDX-License-Identifier: MIT */
/*
 * Calls after which the same path is another file: what we need of the old root directory is read before
 * (DESIGN section 4), and nothing is read afterwards, for who may write in the new one is not known.
 */
#include "shim/hooks/root.h"
#include "shim/config.h"
#include "shim/engine.h"
#include "shim/hooks/hooks.h"
#include "shim/init.h"
#include "shim/real.h"
#include "shim/table.h"

#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* Not in a child that shares our memory: the root is its own. */
static bool before(void)
{
    init_now();
    if (!table_is_ours())
        return false;
    int saved = errno;
    struct policy *policy = config_before_root_changes();
    if (policy) {
        engine_keep(policy);
        policy_unref(policy);
    }
    errno = saved;
    return true;
}

static int after(bool ours, int result)
{
    int saved = errno;
    if (ours) {
        engine_root_changed(result == 0);
        if (result == 0)
            config_root_changed();
    }
    errno = saved;
    return result;
}

EXPORT int chroot(const char *path)
{
    bool ours = before();
    return after(ours, real.chroot(path));
}

/* 0 as the kind of namespace stands for any: then the descriptor knows. A process' own may hold all kinds. */
static bool may_be_mounts(int fd, int kind)
{
    int saved = errno, found = kind ? kind : real.ioctl(fd, NS_GET_NSTYPE);
    errno = saved;
    return found < 0 || found & CLONE_NEWNS;
}

EXPORT int setns(int fd, int kind)
{
    if (!may_be_mounts(fd, kind))
        return real.setns(fd, kind);
    bool ours = before();
    return after(ours, real.setns(fd, kind));
}

int root_pivot(const char *to, const char *old)
{
    bool ours = before();
    return after(ours, (int)real.syscall(SYS_pivot_root, to, old));
}
