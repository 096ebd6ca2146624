/* SPDX-License-Identifier: MIT */
/* The beginning: as little as possible, for we are loaded into every child of a shell. */
#pragma once

/* Does the constructor's work if it has not run yet. May allocate (dlsym); idempotent; not async-signal-safe
 * the first time. */
void init_now(void);
