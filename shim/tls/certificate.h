/* SPDX-License-Identifier: MIT */
/* What a certificate says, as text for people. Allocates, does not block; not safe in a signal handler. */
#pragma once

#include <openssl/x509.h>

#include "shim/tls/text.h"

/* 2024-05-01 */
void certificate_date(struct text *t, const ASN1_TIME *time);
/* "certificate is for a.test, b.test and 3 more" */
void certificate_is_for(struct text *t, X509 *cert);
/* The first dNSName, or else the subject. */
void certificate_name(struct text *t, X509 *cert);
