/* SPDX-License-Identifier: MIT */
/*
 * Trust anchors of one PEM file, each parsed when a chain asks for its name. Parsing a certificate costs
 * OpenSSL 3 about 170 us, and a system's bundle has 150 of them where one is needed; so the file is read and
 * its subjects are noted, and whom OpenSSL asks for is handed to OpenSSL to parse. What it makes of the
 * certificate is its own affair, as it is with a directory of hashed names.
 *
 * anchors_add reads a file and allocates; the lookup allocates and reads nothing. Safe from any thread, not
 * in a signal handler.
 */
#pragma once

#include <openssl/x509_vfy.h>

#include "shim/tls.h"

/* Once per process, before the rest. False for want of memory. */
bool anchors_init(void);

/* What becomes of a block that is no certificate, as far as can be told without parsing it. */
enum anchors_broken {
    ANCHORS_REFUSE, /* the file is unusable: somebody wrote it for this rule */
    ANCHORS_SKIP,   /* it is no anchor, and the others are: a system's bundle */
};

/* Makes every certificate of the file at `path` an anchor of `store`, as it stands there now: later changes
 * of the file do not count. At least one must be there. False with error set (TLS_FAIL_SETUP, or MEMORY). */
bool anchors_add(X509_STORE *store, const char *path, enum anchors_broken broken, struct tls_error *error);

/* What a lookup answers once it has put the certificate that it is asked for into the store, which keeps it:
 * 1, and the caller has it in `out`; 0 if it is not there. */
int anchors_give(X509_STORE *store, const X509_NAME *name, X509_OBJECT *out);
