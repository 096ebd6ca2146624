/* SPDX-License-Identifier: MIT */
/*
 * Files that are read before the root directory changes, and from then on stand for what lies at their paths:
 * in another root the same path is another file.
 *
 * kept_add and kept_directory block on the disk; all may allocate and take a lock. Safe from any thread, not
 * in a signal handler.
 */
#pragma once

#include <stdbool.h>

#include "shim/tls/pem.h"

/* Keeps one file, if it can be used; once is enough. */
void kept_add(const char *path, bool secret);
/* Keeps all certificates of a directory of hashed names, as one file at its path. */
void kept_directory(const char *path);

/* Is that path kept, for that use? */
bool kept_has(const char *path, bool secret);
/* A copy of it; without bytes for want of memory. False: it is not kept. */
bool kept_read(const char *path, bool secret, struct pem_content *out);

/* The root directory has changed: nothing else is read in this process any more. */
void kept_seal(void);
bool kept_sealed(void);
/* It has not: forgets all, unless it had changed before. */
void kept_forget(void);
