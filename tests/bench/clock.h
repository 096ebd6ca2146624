/* SPDX-License-Identifier: MIT */
#ifndef TLSUP_TESTS_BENCH_CLOCK_H
#define TLSUP_TESTS_BENCH_CLOCK_H

/* Time that has passed, and processor time of this process (user and system), in nanoseconds. */
double clock_wall(void);
double clock_cpu(void);

#endif
