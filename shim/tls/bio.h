/* SPDX-License-Identifier: MIT */
/*
 * The wire: OpenSSL's transport over the two functions of struct tls_io.
 *
 * In: OpenSSL reads ahead, so one recv takes as many records as fit into its own buffer, with no copy of
 * ours. Out: what the socket does not take is queued here, so OpenSSL's writes always succeed and its rule
 * "retry with the same buffer" never shows. The wire also reads the record headers (RFC 8446 section 5.1)
 * that pass: bytes that are no record are known for what they are without OpenSSL's reason codes, and never
 * reach it; and as it is told which records OpenSSL has begun, it knows whether whole ones still lie in that
 * buffer.
 *
 * Nothing here waits. wire_flush does not allocate. Not safe in a signal handler.
 */
#pragma once

#include <openssl/bio.h>

#include "shim/tls.h"

#define WIRE_HEADER 5U

struct wire {
    struct tls_io io;
    int fd;
    /* to be sent: out[out_at .. out_end) */
    uint8_t *out;
    size_t out_at, out_end, out_size;
    bool open; /* the handshake is over: records go straight to the socket, empty ones are counted */

    int more; /* MSG_MORE while what is flushed may wait for what follows, else 0 */

    /* what the socket said */
    bool blocked; /* the last read of OpenSSL found nothing */
    bool drained; /* the last recv took all that the kernel had */
    bool ended;   /* FIN, or an error on recv */
    bool broken;  /* an error on send: nothing will ever leave again */
    int code;     /* errno of the first error; 0 after FIN */
    bool memory;  /* no memory for the queue */
    bool flooded; /* too many records without data, or too much that we would have to answer */

    /* record headers */
    uint8_t header[WIRE_HEADER];
    unsigned header_have;
    size_t body_left;
    unsigned complete;     /* records that were received to their end ... */
    unsigned taken;        /* ... and those that OpenSSL has begun: the last one may still come */
    unsigned idle_records; /* since the last plaintext, while open */
    bool any_record;
    bool strange;       /* what was received last is no record; what came before it still counts */
    bool not_tls;       /* and OpenSSL has come to it */
    uint8_t sample[40]; /* the first bytes that were no record */
    size_t sample_len;
};

/* Once per process, before the rest. False for want of memory. */
bool wire_init(void);
/* A BIO on wire, which must outlive it and be zero but for io and fd. NULL for want of memory. */
BIO *wire_bio(struct wire *wire);
/* Is there nothing to be received now, and no end either? Asked without OpenSSL. */
bool wire_is_silent(struct wire *wire);
/* One send of all that is queued. */
enum tls_result wire_flush(struct wire *wire);
size_t wire_queued(const struct wire *wire);
/* Whole records were received that OpenSSL has not begun, or bytes that are none, which it is to be told of.
 */
bool wire_holds_input(const struct wire *wire);
/* OpenSSL begins the next record. */
void wire_record_taken(struct wire *wire);
/* Forgets the buffers. */
void wire_clear(struct wire *wire);
