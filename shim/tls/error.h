/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL's thread error queue, which the host program may share with us, and what its entries mean.
 *
 * Marks do not protect the host's entries: OpenSSL's state machine clears the whole queue when it starts
 * (ERR_clear_error in statem.c). So entries that are there are taken off before and put back after; an empty
 * queue, the usual case, costs one look. Neither function blocks; both may allocate; not safe in a signal
 * handler.
 */
#pragma once

#include "shim/tls.h"
#include "shim/tls/text.h"

struct error_saved;
struct error_scope {
    struct error_saved *saved; /* the host's entries, oldest first; NULL in the usual case */
};

/* Between the two the queue holds only what our own calls left there. */
void error_enter(struct error_scope *scope);
void error_leave(struct error_scope *scope);

/* Starts a text in `error`, which must outlive the use of the returned builder. */
struct text error_start(struct tls_error *error, enum tls_failure failure);
void error_set(struct tls_error *error, enum tls_failure failure, const char *text);
/* The same about a file: "PATH: WHAT". */
void error_path(struct tls_error *error, const char *path, const char *what);
/* "WHAT: CAUSE" with the class and the cause that OpenSSL's newest entry shows. Alerts (RFC 8446 section 6.2)
 * are named by their registered names. */
void error_from_queue(struct tls_error *error, const char *what);
/* Empties the queue; if one of its entries is want of memory, that is the error, whatever OpenSSL made of it:
 * a chain that could not be built looks like one that is not trusted. */
void error_memory(struct tls_error *error);
/* What one entry of the queue says. */
void error_cause(struct text *text, unsigned long code);
/* What errno says, in our words: strerror speaks the locale's. */
const char *error_errno(int code);
