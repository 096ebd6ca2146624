/* SPDX-License-Identifier: MIT */
/* One line of a log, and the record that is in it (shim/audit/record.h says what records hold). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    char time[32], event[16], destination[64], action[16], would[16], result_type[48];
    char exe[256], name[256], reason[256];
    char policy_digest[65], level[16], mode[16], tls_version[16], peer_spki_sha256[65], closed[40];
    char rule[512];
    char pid[16], lost[24], bytes_in[24], bytes_out[24]; /* decimal */
};

enum seen_kind {
    SEEN_RECORD,
    SEEN_OTHER,   /* a line of somebody else: logs of whole machines are read too */
    SEEN_DAMAGED, /* it was a record, or began like one */
};

/* Takes a record as it stands in a file, behind the head of a syslog line, or in the MESSAGE of
 * `journalctl -o json`. `room` has space for two times len + 1 bytes. */
enum seen_kind seen_read(const char *line, size_t len, char *room, struct seen *out);

/* Seconds since 1970 of a record's time. */
int64_t seen_seconds(const char *time);
uint64_t seen_number(const char *decimal);
