/* SPDX-License-Identifier: MIT */
/*
 * Who answered: chain, dates, purpose, identity (RFC 9525) and pins are judged here, in one callback, while
 * the handshake runs, so that a refusal sends its alert and nothing of ours follows.
 */
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "shim/tls.h"
#include "shim/tls/text.h"

/* RFC 9525 sections 2 and 6.3: no common name, and a wildcard is a whole label. */
#define VERIFY_HOSTFLAGS (X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

/* The pins that the leaf must match: a copy of struct tls_peer's. */
struct verify_pins {
    uint8_t (*pins)[TLS_PIN_BYTES];
    size_t *sets;
    size_t n_sets;
};

bool verify_pins_copy(struct verify_pins *pins, const struct tls_peer *peer);
void verify_pins_free(struct verify_pins *pins);

/* Sets SNI and reference identity of a connection. */
bool verify_identity(SSL *ssl, const struct tls_peer *peer, struct tls_error *error);

/* Is the certificate for that name or address (RFC 9525)? Whoever issued it. */
bool verify_fits(X509 *cert, const char *identity);

/* For SSL_CTX_set_cert_verify_callback. Reads and writes the struct tls that is the SSL's app data. */
int verify_judge(X509_STORE_CTX *store, void *arg);
/* A session was resumed, whose certificate is the peer's: judges as verify_judge does in a full handshake,
 * with today's date. Signatures that were good in this context when the session was made are not computed
 * again. False with the error set. */
bool verify_resumed(struct tls *tls);
/* See struct tls_engine's judge. */
void verify_again(struct tls *tls, struct tls_context *context, const struct tls_peer *peer,
                  struct tls_error *out);
