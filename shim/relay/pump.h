/* SPDX-License-Identifier: MIT */
/*
 * What a relay does: bytes between the program's end of the pair and the conn, until the connection ends.
 *
 * The program's bytes are peeked at, and stay in the pair until they are past the last point at which the
 * connection may be refused; after that one byte stays. A pair's end that is closed while bytes are unread
 * tells the other one ECONNRESET, which is how a refusal and a truncated answer reach the program: an end of
 * file would be a lie. For the same reason the pair comes with one byte in it that belongs to nobody. A TCP
 * connection in the pair's place (shim/net/) needs neither: it can be reset.
 */
#pragma once

struct conn;

/* Runs until the connection is over; the conn is in the table at `fd`. Blocks; allocates; for a process of
 * one thread with all signals blocked. The conn has said goodbye and both descriptors are closed then. */
void pump_run(struct conn *c, int fd, int local);
