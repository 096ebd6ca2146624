/* SPDX-License-Identifier: MIT */
/* Readiness as a whole: tied to the conns at the start, and after a fork. */
#pragma once

/* Makes the conns tell waits of changes. In the constructor; neither blocks nor allocates. */
void wait_init(void);
/* The child of fork() has no other threads: nobody sleeps, nobody holds a lock. */
void wait_after_fork(void);
