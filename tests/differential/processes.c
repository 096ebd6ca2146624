/* SPDX-License-Identifier: MIT */
/* Processes: fork(), and then one of the two uses the connection. Never both: two writers of one session
 * would be the end of it, and the second one is told ECONNRESET (DESIGN section 8). */
#include "tests/differential/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_all(void)
{
    for (int i = 0; i < NUMBERS; i++)
        if (game.fds[i] >= 0)
            close(game.fds[i]);
}

/* The child goes its own way. */
static bool parent_goes_on(pid_t child)
{
    int status = 0;
    if (child == 0) {
        close_all();
        _exit(7);
    }
    waitpid(child, &status, 0);
    trace("child", WEXITSTATUS(status), " ");
    return true;
}

bool do_fork(void)
{
    settle();
    fflush(stdout);
    bool silently = chance(2);
    pid_t child = fork();
    if (child == 0 && silently)
        _exit(7); /* the kernel closes */
    return parent_goes_on(child);
}
