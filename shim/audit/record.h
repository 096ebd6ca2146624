/* SPDX-License-Identifier: MIT */
/*
 * The text of a record, as a pure function of the event and of who says it.
 *
 * Fields, always in this order; a value that is absent is left out:
 *   both      time event id pid uid exe destination names
 *   decision  policy rule policy_digest level mode strategy fallback_from
 *   both      action
 *   decision  would
 *   both      result_type reason errno
 *   decision  tls_version cipher group peer_spki_sha256 resumed connect_ms negotiate_ms handshake_ms
 *   close     bytes_in bytes_out open_ms closed
 *   both      lost (records that did not reach the sink since the last one that did)
 * id and hashes are hexadecimal, errno is its name, *_ms have three decimals, names is a list of
 * {"name","source"}, rule is "path:line". A string that is too long ends in "...".
 */
#pragma once

#include "shim/audit.h"
#include "shim/audit/fmt.h"

#include <sys/types.h>

/* Who and when. */
struct record_origin {
    uint64_t seconds; /* since 1970, UTC */
    uint32_t microseconds;
    pid_t pid;
    uid_t uid;
    const char *exe; /* NULL: not known */
};

/* Builds one record as audit_format() does; returns its length, or 0 (and an empty text) if not even the
 * shortest form fits into `cap`. May it block? No. May it allocate? No. Before init, in a signal handler:
 * yes. */
size_t record_format(const char *kind, const struct audit_event *e, const struct record_origin *origin,
                     uint64_t lost, char *out, size_t cap);
