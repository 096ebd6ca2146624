/* SPDX-License-Identifier: MIT */
/* Memory that lives exactly as long as a policy: taken piece by piece, given back at once. */
#pragma once

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks;
};

/* Zeroed, aligned for any object; NULL if memory is out. Allocates. */
void *arena_get(struct arena *a, size_t size);
/* A NUL-terminated copy of `len` bytes; NULL if memory is out. Allocates. */
char *arena_copy(struct arena *a, const char *s, size_t len);
void arena_free(struct arena *a);
