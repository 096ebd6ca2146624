/* SPDX-License-Identifier: MIT */
/*
 * dlsym(RTLD_NEXT) for a list of functions, in any context: the objects that come after ours are noted once,
 * at the start, when none of them can go any more; each name costs a hash and a look at a filter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_OBJECTS 48U /* more than that behind ours are left to dlsym */

/* What of an object in memory answers for a name: its DT_GNU_HASH and what that leads to, in bytes from the
 * base. */
struct symbols_object {
    uintptr_t base;
    uint32_t symbols, strings, hash;
    uint32_t versions; /* 0: none */
};

struct symbols {
    struct symbols_object at[SYMBOLS_OBJECTS];
    size_t n;
    bool behind; /* ours was seen */
};

/* Notes the objects that were loaded behind ours. False: there are too many, or one that cannot be read; ask
 * dlsym. Takes the loader's lock; does not allocate. What is noted must not be unloaded as long as the notes
 * are used: what was loaded with the program never is. */
bool symbols_begin(struct symbols *s);
/* Forgets the objects that come after the first one that has this name. False: none has it. */
bool symbols_end_at(struct symbols *s, const char *name);
void symbols_copy(struct symbols *to, const struct symbols *from);
/* The function that dlsym(RTLD_NEXT, name) would give; NULL: not known, ask dlsym. Pure. */
void *symbols_find(const struct symbols *s, const char *name);
