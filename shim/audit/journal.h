/* SPDX-License-Identifier: MIT */
/*
 * A record as an entry of systemd's journal, in its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): one datagram, "FIELD=value" a line.
 *
 * MESSAGE is the record as files have it, so that everything that reads records reads `journalctl -o cat` and
 * `-o json` as well. What an operator asks for stands beside it in fields of its own, each left out where the
 * record has no such value:
 *   PRIORITY SYSLOG_FACILITY SYSLOG_IDENTIFIER
 *   TLSUP_EVENT TLSUP_ID TLSUP_PID TLSUP_EXE TLSUP_DESTINATION TLSUP_NAME (one for each name)
 *   TLSUP_RULE_LINE TLSUP_POLICY TLSUP_LEVEL TLSUP_MODE TLSUP_STRATEGY
 *   TLSUP_ACTION TLSUP_WOULD TLSUP_RESULT_TYPE TLSUP_REASON TLSUP_ERRNO TLSUP_TLS_VERSION
 *
 * No value holds a line feed: network text is escaped to printable ASCII. So the protocol's second form, with
 * a length, is not needed.
 *
 * May it block? No. May it allocate? No. Before init, in a signal handler: yes.
 */
#pragma once

#include "shim/audit/record.h"

#define JOURNAL_ENTRY_MAX   (2 * AUDIT_LINE_MAX)
/* journalctl -o json shows a field of 4096 bytes or more as null. */
#define JOURNAL_MESSAGE_MAX (4096U - sizeof "MESSAGE=")

/* Builds the entry into `out` of JOURNAL_ENTRY_MAX bytes; its length, or 0: not even the shortest form fits.
 */
size_t journal_format(const char *kind, const struct audit_event *e, const struct record_origin *origin,
                      uint64_t lost, char *out);
