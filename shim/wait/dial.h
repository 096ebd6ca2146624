/* SPDX-License-Identifier: MIT */
/* connect() on a conn that dials for itself, or begins TLS at once. */
#pragma once

#include <sys/socket.h>

struct conn;

/* Waits for the end of the dial as connect() would (SO_SNDTIMEO, O_NONBLOCK, EINTR). 0, or the errno of
 * connect(): EINPROGRESS if it goes on. No lock is held; blocks; a cancellation point; may allocate. */
int wait_dial(struct conn *c, int fd);

/* The program's own connect() to *to, as it is; where that takes a while, and TLS is certain to follow, the
 * engine is loaded meanwhile. Sets errno as connect(2). The same otherwise. */
int wait_connect(struct conn *c, int fd, const struct sockaddr_storage *to, socklen_t len);
