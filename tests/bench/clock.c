/* SPDX-License-Identifier: MIT */
#include "tests/bench/clock.h"

#include <time.h>

static double nanoseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double clock_wall(void)
{
    return nanoseconds(CLOCK_MONOTONIC);
}

double clock_cpu(void)
{
    return nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}
