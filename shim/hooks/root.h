/* SPDX-License-Identifier: MIT */
/* pivot_root(2), for which glibc has no name. As the system call; blocks on files and allocates before it. */
#pragma once

int root_pivot(const char *to, const char *old);
