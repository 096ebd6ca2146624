/* SPDX-License-Identifier: MIT */
/*
 * Trust anchors of a directory of hashed names (c_rehash, `openssl rehash`): a file is read when a chain asks
 * for its name. As OpenSSL's own lookup of that kind, but each file is opened as what a rule names is
 * (policy/open.h), and none after the root directory has changed (shim/tls/kept.h).
 *
 * The lookup blocks on the disk and allocates. Safe from any thread, not in a signal handler.
 */
#pragma once

#include <openssl/x509_vfy.h>

#include "shim/tls.h"

#define DIRECTORY_PATH_BYTES 512U

/* Once per process, before the rest. False for want of memory. */
bool directory_init(void);

/* Is it HHHHHHHH.N? */
bool directory_hashed(const char *name);
/* Does it hold such names? */
bool directory_has_hashed(const char *path);
/* DIRECTORY/NAME; false if it does not fit. */
bool directory_join(char out[DIRECTORY_PATH_BYTES], const char *directory, const char *name);

/* Makes its certificates anchors of the store. False with error set (TLS_FAIL_SETUP, or MEMORY) also where
 * others can put files there. */
bool directory_add(X509_STORE *store, const char *path, struct tls_error *error);
