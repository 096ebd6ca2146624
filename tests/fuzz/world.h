/* SPDX-License-Identifier: MIT */
/*
 * A world for one conn: a TCP socket that does what the input says, and an engine that stands in for OpenSSL,
 * so that the whole machine runs without a network, a clock or a key. Everything that would reach the wire is
 * seen and judged here.
 *
 * The stand-in speaks: 0x16 from the server is a handshake that succeeds, 0x15 an alert, 0x01 to 0x03 a
 * certificate that is not trusted, for another name, or expired, 0x04 another fault; 0xfe inside is
 * close_notify. What stands between is plaintext.
 */
#pragma once

#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

#define WORLD_BYTES 131072U
#define WORLD_FD    7

struct world_bytes {
    char at[WORLD_BYTES];
    size_t len;
};

struct world {
    /* the socket */
    bool connected, dialling, refuses, full, fin, reset;
    int error; /* SO_ERROR */
    uint64_t cookie, clock_ns;
    struct world_bytes arrived; /* what the server has sent and nobody has taken */

    /* what was seen */
    bool shut; /* SHUT_RDWR */
    unsigned dials;
    struct world_bytes asked;  /* in the clear, on this association, by a strategy */
    struct world_bytes clear;  /* in the clear, on this association, anything else */
    struct world_bytes sealed; /* what went into TLS */
    struct world_bytes opened; /* what came out of it */
    bool notified;             /* close_notify came */

    struct policy *policy;   /* what is in force */
    const struct conn *conn; /* who uses the socket */
};
extern struct world world;

/* The libc of this world instead of the real one. Once. */
void world_begin(void);
/* A new socket, not connected. */
void world_socket(void);
void world_bytes_add(struct world_bytes *b, const void *at, size_t len);
