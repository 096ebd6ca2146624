/* SPDX-License-Identifier: MIT */
/* Calls after which paths lead elsewhere; here they lead nowhere. */
#include "tests/contexts/contexts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

SNIPPET_ONCE(chroot)
{
    said("none", chroot("/nowhere/none"));
    said("empty", chroot(""));
    (void)e;
}

SNIPPET_ONCE(setns)
{
    said("none", setns(-1, CLONE_NEWNS));
    said("none of any kind", setns(-1, 0));
    said("no namespace", setns(e->r, CLONE_NEWNS));
    said("no namespace of any kind", setns(e->r, 0));
}
