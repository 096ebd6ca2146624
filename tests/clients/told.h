/* SPDX-License-Identifier: MIT */
/* How a client says what its calls came to, and when. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

static volatile sig_atomic_t pipe_signal;

/* A handler for SIGPIPE. */
static inline void on_pipe(int signal_number)
{
    (void)signal_number;
    pipe_signal = 1;
}

/* Milliseconds of CLOCK_MONOTONIC. */
static inline long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* A number, or the name of errno; good until the next call. */
static inline const char *result(ssize_t n)
{
    static char text[24];
    if (n < 0)
        return strerrorname_np(errno);
    snprintf(text, sizeof text, "%zd", n);
    return text;
}
