/* SPDX-License-Identifier: MIT */
/*
 * Opening a file that nobody else can have written: owned by root or the effective user, writable by no one
 * else, in directories of which the same is true, reached by an absolute path. A symbolic link on the way
 * must have the same owners, and what it leads through is checked as well.
 *
 * Knows the system and nothing of policies, so that the engine opens what a rule names by the same code.
 * Blocks on the file system, never on a FIFO or a device; allocates; not in a signal handler. errno is
 * changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum open_kind {
    OPEN_POLICY, /* at most 1 MiB, itself no symbolic link */
    OPEN_PUBLIC, /* certificates and revocation lists: at most 16 MiB; may be a symbolic link */
    OPEN_SECRET, /* a key: as OPEN_PUBLIC; others may not read it, the group only if it is root's */
};

enum open_result {
    OPEN_DONE,
    OPEN_ABSENT,  /* there is no such file */
    OPEN_DENIED,  /* we may not read it, or not go there */
    OPEN_STARVED, /* no memory, no descriptor: another time it may go */
    OPEN_REFUSED,
};

struct open_file {
    int fd;      /* close-on-exec, the caller's; -1: none */
    size_t size; /* bytes */
};

/* On OPEN_DONE `*out` is the file, else `why` (of `cap` bytes, at least 1) says "path: what is wrong; what to
 * do". */
enum open_result open_trusted(const char *path, enum open_kind kind, char *why, size_t cap,
                              struct open_file *out);

/* Can nobody else have put something into this directory? If not, `why` says so. */
bool open_trusted_directory(const char *path, char *why, size_t cap);

/* Reads all of the file into `bytes`, which has room for its size. False, with `why`, if it has fewer or more
 * bytes by now. */
bool open_contents(const struct open_file *file, const char *path, char *bytes, char *why, size_t cap);
