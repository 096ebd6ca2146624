/* SPDX-License-Identifier: MIT */
#include "tests/below/next.h"

#include <dlfcn.h>
#include <string.h>

struct next_functions next;

static void find(void *at, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(at, &found, sizeof found);
}

void next_find(void)
{
    if (next.close) /* the last one */
        return;
#define FUNCTION(ret, name, params) find(&next.name, #name);
    FUNCTIONS
#undef FUNCTION
}
