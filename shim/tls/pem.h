/* SPDX-License-Identifier: MIT */
/*
 * Files of a rule: read whole, checked on the open descriptor, parsed from memory. They block on the disk and
 * allocate; not safe in a signal handler. Each fails with TLS_FAIL_SETUP (or MEMORY) and the path in the
 * text.
 */
#pragma once

#include <openssl/ssl.h>

#include "shim/tls.h"

/* Adds every certificate of the file to the store as a trust anchor. At least one must be there. */
bool pem_trust(X509_STORE *store, const char *path, struct tls_error *error);
/* The same with certificate revocation lists. */
bool pem_crls(X509_STORE *store, const char *path, struct tls_error *error);
/* Client certificate with its chain, and its key, which nobody but its owner (root or we) may read. */
bool pem_identity(SSL_CTX *ctx, const char *cert, const char *key, struct tls_error *error);
