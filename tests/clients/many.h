/* SPDX-License-Identifier: MIT */
/* What clients with many connections share. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Ends the program with what is wrong. */
static inline void wrong(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

/* As many as the machine lets it have. */
static inline void many_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
