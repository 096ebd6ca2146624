/* SPDX-License-Identifier: MIT */
/*
 * Files of a rule: checked and read whole on one descriptor, parsed from memory. They block on the disk and
 * allocate; not safe in a signal handler. Each fails with TLS_FAIL_SETUP (or MEMORY) and the path in the
 * text.
 */
#pragma once

#include <openssl/ssl.h>

#include "shim/tls.h"

struct pem_content {
    char *bytes;
    size_t len;
};

/* A file that nobody else can have written, or, if `secret`, read: policy/open.h. Its bytes lie where no core
 * dump shows them; pem_content_free wipes and frees them. */
bool pem_read_file(const char *path, bool secret, struct pem_content *out, struct tls_error *error);
void pem_content_free(struct pem_content *content);
/* Adds a copy of the bytes to `to`, which is empty ({0}) or as pem_read_file left it. False for want of
 * memory: it is as it was. */
bool pem_append(struct pem_content *to, const struct pem_content *more);

/* For OpenSSL's readers. An encrypted file asks for no passphrase: there is nobody to ask, and the terminal
 * is the program's. */
int pem_no_passphrase(char *buf, int size, int writing, void *arg);

/* Sets `error`: "PATH: unusable WHAT: CAUSE" from the error queue, and "PATH: no WHAT in this file". */
void pem_unusable(const char *path, const char *what, struct tls_error *error);
void pem_none(const char *path, const char *what, struct tls_error *error);

/* Adds every certificate revocation list of the file to the store. At least one must be there. */
bool pem_crls(X509_STORE *store, const char *path, struct tls_error *error);
/* Client certificate with its chain, and its key. */
bool pem_identity(SSL_CTX *ctx, const char *cert, const char *key, struct tls_error *error);
