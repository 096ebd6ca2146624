/* SPDX-License-Identifier: MIT */
#include "tests/differential/asleep.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES 100000

bool asleep(int pid, int tid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    if (n <= 0)
        return true; /* it is gone: nobody waits for it */
    text[n] = 0;
    const char *name_ends = strrchr(text, ')');
    return name_ends && name_ends[2] == 'S';
}

void asleep_at_last(int pid, int tid)
{
    for (int i = 0; i < TRIES && !asleep(pid, tid); i++) {
        if (i < 100)
            sched_yield();
        else
            usleep(50);
    }
}
