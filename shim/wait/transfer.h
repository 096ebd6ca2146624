/* SPDX-License-Identifier: MIT */
/*
 * Moves the program's bytes through a conn, and waits where the program would have waited on TCP: under
 * O_NONBLOCK, MSG_DONTWAIT, SO_SNDTIMEO and SO_RCVTIMEO, interrupted as a TCP call would be.
 *
 * Takes the conn's lock by itself; blocks in ppoll without it; may allocate. Not before init.
 */
#pragma once

#include "shim/conn/conn.h"

struct transfer {
    struct conn *conn;
    int fd;
    const struct iovec *iov;
    size_t n;
    int flags;   /* of send or recv */
    size_t done; /* bytes moved */
    bool bad;    /* the program gave an address that is none */
    int error;   /* with RC_ERROR: errno */
};

/* RC_OK: done says how much. RC_PASS: the rest (from done on) is for the real call. RC_AGAIN: nothing could
 * be moved now. RC_EOF, RC_ERROR as they are. */
enum conn_rc transfer_send(struct transfer *t);
enum conn_rc transfer_recv(struct transfer *t);

size_t transfer_total(const struct iovec *iov, size_t n);
