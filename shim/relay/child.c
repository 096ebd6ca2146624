/* SPDX-License-Identifier: MIT */
#include "shim/relay/child.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define STACK_BYTES (256UL * 1024) /* a relay that is a copy lives on it: a handshake takes 12 KiB */
#define INNER_BYTES (64UL * 1024)

/* No exit signal: the end of the child is nobody's business but ours. */
static int run(int (*start)(void *arg), void *arg, size_t bytes, pid_t *pid)
{
    char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED)
        return ENOMEM;
    *pid = clone(start, stack + bytes, CLONE_VM | CLONE_VFORK, arg);
    int error = *pid < 0 ? errno : 0;
    munmap(stack, bytes); /* the child is gone, or has memory of its own */
    return error;
}

int child_run(int (*start)(void *arg), void *arg)
{
    pid_t pid = -1;
    int error = run(start, arg, STACK_BYTES, &pid), status;
    while (!error && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
        continue;
    return error;
}

int child_run_until_exec(int (*body)(void *arg), void *arg)
{
    pid_t pid = -1;
    return run(body, arg, INNER_BYTES, &pid);
}
