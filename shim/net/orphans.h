/* SPDX-License-Identifier: MIT */
/* What is left of the tree when the command has ended. */
#pragma once

#include <stdbool.h>

/* Are all children of this process relays? Whatever lives below the supervisor, which adopts orphans, is one
 * of its children or below one. False where /proc does not tell. Blocks on /proc alone; does not allocate. */
bool orphans_are_relays(void);
