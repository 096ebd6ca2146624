/* SPDX-License-Identifier: MIT */
/*
 * An SSL_CTX in which nothing is left to defaults: what openssl.cnf or the environment set may tighten it,
 * never loosen it, and what was set is read back (SECURITY.md, explicit settings).
 *
 * context_new reads files and allocates; the others do not block. Safe from any thread, not in a signal
 * handler.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "shim/tls.h"
#include "shim/tls/known.h"

#define CONTEXT_ALPN_BYTES 64U
#define CONTEXT_DEPTH      8
#define CONTEXT_LEVEL      2
#define CONTEXT_CERT_LIST  (100 * 1024)
#define CONTEXT_OPTIONS_ON (SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION)
#define CONTEXT_OPTIONS_OFF                                                                                  \
    (SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |                               \
     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_EXTENDED_MASTER_SECRET | SSL_OP_NO_ENCRYPT_THEN_MAC)
#define CONTEXT_MODES                                                                                        \
    (SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |        \
     SSL_MODE_AUTO_RETRY)

struct tls_context {
    atomic_uint holders; /* the caller and each connection */
    SSL_CTX *ctx;
    bool check_chain, observe, resume;
    struct known known;                     /* chains that were found good */
    bool revocation;                        /* lists are asked, which run out by themselves */
    unsigned char alpn[CONTEXT_ALPN_BYTES]; /* as on the wire, RFC 7301 section 3.1 */
    unsigned alpn_len;
};

struct tls_context *context_new(const struct tls_params *params, struct tls_error *error);
void context_free(struct tls_context *context);
struct tls_context *context_hold(struct tls_context *context);
/* The system's trust anchors, by literal path: a directory of hashed names, or else the file. `dir` and
 * `file` are parameters for the tests. */
bool context_trust_system(X509_STORE *store, const char *dir, const char *file, struct tls_error *error);
/* See struct tls_engine: keep, root_changed. */
void context_keep(const struct tls_params *params);
void context_root_changed(bool changed);
