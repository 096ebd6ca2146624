/* SPDX-License-Identifier: MIT */
/* The three logs of the origin, in its directory. Every entry is one write(2) with O_APPEND.
 *   clear.log   every byte that arrived outside TLS;
 *   inside.log  what arrived inside TLS: request heads, and all bytes that a script step reads;
 *   events.log  one line an event.
 * All functions may block (file I/O), may be called from any thread, and not from a signal handler. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_TAIL 256

/* Per connection: the last bytes that went to clear.log. When another connection wrote in between, they are
 * repeated behind the marker, so that a text that arrived in pieces can still be found with grep. */
struct journal_tail {
    unsigned char last[JOURNAL_TAIL];
    size_t len;
};

/* Opens (and empties) the logs in DIR. quiet: events of connections, clear and inside are not written. */
bool journal_open(const char *dir, bool quiet);

/* "conn ID TEXT\n"; bytes that are not printable ASCII are written as \xNN; cut at 1 KiB. */
void journal_event(unsigned long id, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void journal_clear(unsigned long id, struct journal_tail *tail, const void *data, size_t len);
void journal_inside(unsigned long id, const void *data, size_t len);
