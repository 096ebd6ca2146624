/* SPDX-License-Identifier: MIT */
/* Does a thread sleep? That it has not come so far is the only thing that a test of blocking calls may not
 * know. */
#pragma once

#include <stdbool.h>

bool asleep(int pid, int tid);
/* Waits until it does; five seconds at most. */
void asleep_at_last(int pid, int tid);
