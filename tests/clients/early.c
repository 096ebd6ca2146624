/* SPDX-License-Identifier: MIT */
/*
 * Preloaded with AddressSanitizer's runtime, and initialised first (-z initfirst): sets the runtime up before
 * any other constructor runs. libp11-kit's, which curl and wget have, allocates its first memory with a lock
 * of libc held that the runtime's start takes as well: without this they never start.
 */
#include <stdlib.h>

__attribute__((constructor)) static void first(void)
{
    void *volatile memory = malloc(1);
    free(memory);
}
