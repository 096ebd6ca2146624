/* SPDX-License-Identifier: MIT */
/*
 * One client connection. The functions are those of struct tls_engine (shim/tls.h), which documents them;
 * conn.c opens, shakes hands and closes, stream.c moves data.
 */
#pragma once

#include <openssl/ssl.h>

#include "shim/tls.h"
#include "shim/tls/bio.h"
#include "shim/tls/context.h"
#include "shim/tls/session.h"
#include "shim/tls/verify.h"

enum conn_phase {
    CONN_SHAKING,   /* SSL_do_handshake has not succeeded */
    CONN_FINISHING, /* it has; our last flight is not sent to the end */
    CONN_OPEN,
};

struct tls {
    SSL *ssl;
    struct tls_context *context;
    struct wire wire;
    enum conn_phase phase;
    enum tls_result end;    /* how reading ended, sticky; TLS_DONE while it has not */
    bool end_told;          /* by a read */
    bool shut;              /* close_notify was sent */
    bool speaks_next;       /* see struct tls_peer */
    struct tls_error error; /* why the last call failed or the stream was truncated */

    struct verify_pins pins;
    struct session_use session;
    struct verify_walk *walk; /* while the chain is walked */
    bool judged;              /* verify_judge said yes to this very handshake */
    bool has_peer;
    uint8_t peer_spki[TLS_PIN_BYTES];
    char peer_name[128];
    struct tls_error finding;
};

struct tls *conn_open(struct tls_context *context, int fd, const struct tls_io *io,
                      const struct tls_peer *peer, struct tls_error *error);
void conn_free(struct tls *tls);
enum tls_result conn_handshake(struct tls *tls);
void conn_close_notify(struct tls *tls);
void conn_info(const struct tls *tls, struct tls_info *out);
const struct tls_error *conn_error(const struct tls *tls);

/* What an OpenSSL call that did not succeed means: TLS_WANT_READ, TLS_CLOSED, TLS_TRUNCATED or TLS_FAILED,
 * the last two with tls->error set. Not SSL_get_error: it looks at the oldest entry of the thread's queue,
 * whoever left it. */
enum tls_result conn_result(struct tls *tls);
/* Sets tls->error for a transport that broke. */
void conn_broken(struct tls *tls, enum tls_failure failure, const char *what);

enum tls_result stream_read(struct tls *tls, void *buf, size_t cap, size_t *got);
enum tls_result stream_poll(struct tls *tls);
bool stream_pending(const struct tls *tls);
size_t stream_readable(const struct tls *tls);
enum tls_result stream_write(struct tls *tls, const void *buf, size_t len, size_t *taken);
enum tls_result stream_flush(struct tls *tls);
size_t stream_queued(const struct tls *tls);
