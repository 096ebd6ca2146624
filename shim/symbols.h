/* SPDX-License-Identifier: MIT */
/*
 * dlsym(RTLD_NEXT) for a whole list of functions. One by one that is a fifth of what we cost a process that
 * only starts and ends; here the objects that come after ours are looked at once, and each name costs a hash
 * and a look at a filter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_OBJECTS 8U /* more than that behind ours are left to dlsym */

/* What of an object in memory answers for a name (its DT_GNU_HASH and what that leads to). */
struct symbols_object {
    uintptr_t base;
    const void *symbols; /* ElfW(Sym) */
    const char *strings;
    const uint16_t *versions; /* or NULL */
    const uint32_t *hash;
};

struct symbols {
    struct symbols_object at[SYMBOLS_OBJECTS];
    size_t n;
    bool behind; /* ours was seen */
};

/* Notes the objects that were loaded behind ours. False: there are too many, or one that cannot be read; ask
 * dlsym. Takes the loader's lock; does not allocate. As long as the notes are used nothing may be unloaded.
 */
bool symbols_begin(struct symbols *s);
/* The function that dlsym(RTLD_NEXT, name) would give; NULL: not known, ask dlsym. Pure. */
void *symbols_find(const struct symbols *s, const char *name);
