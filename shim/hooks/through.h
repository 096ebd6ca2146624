/* SPDX-License-Identifier: MIT */
/*
 * Bytes of the program through a conn, as the hooks of io.c want them: they wait where TCP would have waited,
 * and set errno. May block, may allocate; not before init; in a signal handler as the call itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* True: the call is answered, *result is it. False: the real call is to be made. `flags` are those of send()
 * and recv(). */
bool send_through(int fd, const struct iovec *iov, size_t n, int flags, ssize_t *result);
bool recv_through(int fd, const struct iovec *iov, size_t n, int flags, ssize_t *result);
