/* SPDX-License-Identifier: MIT */
/* The TLS side of the origin: contexts from options, and the handshake over the connection's own socket code.
 */
#pragma once

#include "tests/origin/stream.h"

struct tls_options {
    char cert[64];
    char min[8], max[8]; /* "1.0" .. "1.3"; empty: 1.2 and 1.3 */
    char ciphers[256], suites[256], groups[64];
    char alpn[16]; /* always select this; empty: http/1.1 if offered; "none": select nothing */
    bool no_tickets;
    bool ask_cert, require_cert;
    bool sni_warning; /* RFC 6066 §3: warning unrecognized_name, then go on (TLS 1.2) */
    bool early_data;  /* offer 0-RTT in the tickets */
    bool cut_after_hello, stall_after_hello;
};

/* One word of a script line, KEY or KEY=VALUE; false if it is unknown or too long. */
bool tls_option(struct tls_options *o, const char *key, const char *value);

/* NULL: ERR says why, in words. The certificate is DIR/CERT.pem and .key, clients are verified against
 * DIR/ca.pem. */
SSL_CTX *tls_context(const char *dir, const struct tls_options *o, char *err, size_t err_size);

/* Handshake; bytes that were read ahead in the clear are the start of it. False, with events, if it fails.
 * With one of the cuts in O: true once the ServerHello is out, and the connection stays in the clear layer.
 */
bool tls_accept(struct conn *c, SSL_CTX *ctx, const struct tls_options *o);
