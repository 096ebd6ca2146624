/* SPDX-License-Identifier: MIT */
/*
 * A preload: somebody sets the clock of the machine. $CLOCK is by how many seconds it is wrong; with "~"
 * before the number it is wrong by as much to and fro, every other look. The clocks that nobody sets go on.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now);
time_t time(time_t *at);
int gettimeofday(struct timeval *restrict now, void *restrict zone);

static long error_now(void)
{
    static _Atomic(unsigned) looks;
    const char *by = getenv("CLOCK");
    if (!by || *by != '~')
        return by ? atol(by) : 0;
    return atomic_fetch_add(&looks, 1) % 2 ? atol(by + 1) : -atol(by + 1);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
    int rc = next(clock, now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += error_now();
    return rc;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){.tv_sec = exact.tv_sec, .tv_usec = exact.tv_nsec / 1000};
    return 0;
}
