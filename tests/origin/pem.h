/* SPDX-License-Identifier: MIT */
/* The files of a certificate: NAME.pem, NAME.key (mode 0600) and NAME.pin. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

bool pem_exists(const char *dir, const char *name);
/* The caller frees; NULL if the file is not there or empty. */
STACK_OF(X509) * pem_read_chain(const char *dir, const char *name);
EVP_PKEY *pem_read_key(const char *dir, const char *name);
/* From the issuer's chain to what is sent with the leaf: without the root (or empty), then EXTRA copies of
 * the root. */
void pem_shape_chain(STACK_OF(X509) * chain, bool keep, long extra);
/* DIR/ca.crl, signed by ca, with the certificate "revoked" in it. */
bool pem_write_crl(const char *dir);
/* The pin is sha256//BASE64 of the SPKI of the leaf, as in policy files and curl. */
bool pem_write(const char *dir, const char *name, X509 *cert, STACK_OF(X509) * chain, EVP_PKEY *key);
