/* SPDX-License-Identifier: MIT */
#ifndef TLSUP_TESTS_BENCH_DAEMONS_H
#define TLSUP_TESTS_BENCH_DAEMONS_H

#include <sys/types.h>

/* Seconds of processor time that these COUNT processes have used until now, with their threads that have
 * ended, the processes that they started, and those of them that have ended (the last in steps of 10 ms).
 * What is not there counts nothing. */
double daemons_cpu(const pid_t *pids, int count);

#endif
