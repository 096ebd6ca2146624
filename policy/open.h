/* SPDX-License-Identifier: MIT */
/*
 * Opening a file that nobody else can have written: owned by root or the effective user, writable by no one
 * else, in directories of which the same is true, reached by an absolute path, itself no symbolic link.
 * Blocks on the file system and allocates; not in a signal handler.
 */
#pragma once

#include "policy/text.h"

enum open_result {
    OPEN_DONE,
    OPEN_ABSENT,
    OPEN_REFUSED,
    OPEN_STARVED, /* no memory, no descriptor: another time it may go */
};

#define OPEN_SIZE_MAX (1U << 20)

/* On OPEN_DONE `*fd` is a close-on-exec descriptor of the caller, else -1 and `why_not` says "path: why".
 * OPEN_ABSENT: there is no such file. errno is changed. */
enum open_result open_trusted(const char *path, struct text *why_not, int *fd);
