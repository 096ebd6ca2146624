/* SPDX-License-Identifier: MIT */
/* Our place in LD_PRELOAD. */
#pragma once

/* "OURS:OLD" with OURS once, other entries kept in their order, a sanitizer's runtime before ours (it must be
 * the first). `old` may be NULL. malloc'ed; NULL if memory is out. */
char *preload_compose(const char *ours, const char *old);
