/* SPDX-License-Identifier: MIT */
/* connect() on a conn that dials for itself, or begins TLS at once. */
#pragma once

struct conn;

/* Waits for the end of the dial as connect() would (SO_SNDTIMEO, O_NONBLOCK, EINTR). 0, or the errno of
 * connect(): EINPROGRESS if it goes on. No lock is held; blocks; a cancellation point; may allocate. */
int wait_dial(struct conn *c, int fd);
