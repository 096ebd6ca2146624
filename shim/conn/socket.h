/* SPDX-License-Identifier: MIT */
/*
 * Single calls on the socket below a conn, and the clock that deadlines are kept by. None blocks, allocates
 * or needs a lock; all are safe in a signal handler, and not for use before init.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* An int option of the socket, -1 if it cannot be read. SO_COOKIE, 0 if there is none. */
int conn_option(int fd, int level, int name);
uint64_t conn_cookie(int fd);
/* One call that neither waits nor is interrupted. It may move less than there is, or a look has shown. */
ssize_t conn_recv_now(int fd, void *buf, size_t len, int flags);
ssize_t conn_send_now(int fd, const void *buf, size_t len);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);
