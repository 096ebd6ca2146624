/* SPDX-License-Identifier: MIT */
/* A connection and its bytes: the clear layer, the TLS layer on top of it, and the ways to spoil either.
 * Blocking; every connection belongs to one thread; only stream_stop_all is called from another. */
#pragma once

#include "tests/origin/journal.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STREAM_AHEAD 65536

/* what was read from a layer and not used yet */
struct ahead {
    unsigned char data[STREAM_AHEAD];
    size_t at, end;
};

/* follows TLS record framing; broken once the bytes cannot be records */
struct scan {
    unsigned char header[5];
    size_t have; /* header bytes seen */
    size_t body; /* bytes of the record still to come */
    bool broken;
    unsigned long records; /* complete ones */
};

struct conn {
    unsigned long id;                          /* from 1, in order of accept */
    unsigned long port_id;                     /* the same, counted on its port alone */
    uint32_t address;                          /* that the peer dialled, in host order; 0: IPv6 */
    unsigned long address_id, address_port_id; /* the same, counted on that address alone */
    SSL *ssl;                                  /* NULL: the clear layer is current */
    struct sealer *sealer;                     /* see seal.h */
    struct conn *next, **link;
    long long deadline; /* of reads, CLOCK_MONOTONIC in ms; 0: none */
    size_t split;       /* write the socket in pieces of this size, 1 ms apart; 0: off */
    size_t record_size; /* write TLS in records of at most this size; 0: off */
    unsigned char *cork;
    size_t cork_len;
    struct scan scan_in, scan_out;
    struct journal_tail tail;
    struct ahead clear, inside;
    int fd;
    bool on_tls_port;
    bool ssl_broken;       /* OpenSSL gave up: no more SSL calls */
    bool gone;             /* the peer closed or the connection broke: said once in the events */
    bool notified;         /* close_notify came from the peer */
    bool records_expected; /* only TLS records may arrive: anything else goes to clear.log */
    bool timed_out;
    bool corked;
    bool cut_after_hello; /* let the ServerHello record out, swallow the rest */
    bool was_cut;
    bool corrupt; /* spoil the last byte of the next write to the socket */
};

/* Takes the descriptor. NULL: no memory, the descriptor is closed. */
struct conn *stream_new(int fd, unsigned long id, unsigned long port_id, bool on_tls_port);
/* Closes at once and frees. */
void stream_free(struct conn *c);
/* Ends all connections' I/O and waits up to a second for their threads; true if all are gone. */
bool stream_stop_all(void);
bool stream_stopping(void);

long long stream_now(void);
/* Sleeps; ends early when the process stops. */
void stream_sleep(long ms);

/* Current layer. Read: > 0 bytes, 0 the end, a failure or the deadline (then timed_out). Write: all or false.
 */
ssize_t stream_read(struct conn *c, void *buf, size_t size);
bool stream_write(struct conn *c, const void *buf, size_t len);
bool stream_puts(struct conn *c, const char *text);
/* One more read into the look-ahead of the current layer; false at the end or when it is full. */
bool stream_fill(struct conn *c);
struct ahead *stream_ahead(struct conn *c);

/* The socket itself, whatever the layer. */
ssize_t stream_read_raw(struct conn *c, void *buf, size_t size);
bool stream_write_raw(struct conn *c, const void *buf, size_t len);
bool stream_uncork(struct conn *c);

/* close_notify if there is TLS; does not close. */
void stream_close_notify(struct conn *c);
/* FIN, then reads and logs what still comes for at most two seconds, so that no reset goes out. */
void stream_fin(struct conn *c);
/* RST at the next close. */
void stream_rst(struct conn *c);
