/* SPDX-License-Identifier: MIT */
/* What a certificate says, for people. Allocates, does not block; not safe in a signal handler. */
#pragma once

#include <openssl/x509v3.h>

#include "shim/tls.h"
#include "shim/tls/text.h"

/* 2024-05-01 */
void certificate_date(struct text *t, const ASN1_TIME *time);
/* Seconds since 1970; 0: unreadable. */
int64_t certificate_seconds(const ASN1_TIME *time);
/* "certificate is for a.test, b.test and 3 more" */
void certificate_is_for(struct text *t, X509 *cert);
/* The first dNSName, or else the subject. */
void certificate_name(struct text *t, X509 *cert);
/* A dNSName, an iPAddress: false if the name is of another kind. */
bool certificate_host(struct text *t, const GENERAL_NAME *name);

/* ---- certificate_chain.c: see struct tls_engine ---- */

size_t certificate_chain(const struct tls *tls, struct tls_certificate *out, size_t max);
bool certificate_fits(const struct tls *tls, const char *identity);
