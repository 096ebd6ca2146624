/* SPDX-License-Identifier: MIT */
/*
 * Which names this process resolved to which addresses. connect() is told an address; the resolver's answers,
 * watched by hooks/resolve.c, say what the program meant. A bounded memory: what is forgotten counts as not
 * known, never as anything else.
 *
 * Nothing here blocks for longer than a short lock; no allocation. While the lock is held by the same thread
 * (a signal handler came in between) remembering is skipped and looking up finds nothing.
 */
#pragma once

#include "policy/policy.h"

#include <stddef.h>

/* This thread resolved `name` (any case, as the program wrote it) to `address`. A literal address is no name.
 */
void names_remember(const char *name, const struct policy_address *address);

/* Another process knew this name for `address`: as if some other thread had resolved it. */
void names_restore(const char *name, const struct policy_address *address);

/* The names for `address`: the one that this thread resolved last, else all that are known. Written
 * NUL-terminated one after the other into text, pointers into names; returns how many. */
size_t names_lookup(const struct policy_address *address, char *text, size_t cap, const char **names,
                    size_t max);

void names_after_fork(void);
