/* SPDX-License-Identifier: MIT */
/*
 * Time for records: UTC, without libc's localtime, which takes locks, allocates and reads files.
 *
 * May it block? No. May it allocate? No. Before init, in a signal handler: yes.
 */
#pragma once

#include "shim/audit/fmt.h"

/* RFC 3339 with microseconds: 2026-11-21T03:09:24.000123Z. `seconds` since 1970, to the end of year 9999. */
void civil_rfc3339(struct fmt *f, uint64_t seconds, uint32_t microseconds);

/* RFC 3164 section 4.1.2, in UTC: "Nov  1 03:09:24". */
void civil_rfc3164(struct fmt *f, uint64_t seconds);
