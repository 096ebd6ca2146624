/* SPDX-License-Identifier: MIT */
/*
 * Opens libtlsup-tls.so when the first upgrade is certain, and keeps one TLS context per rule. Blocks on
 * disk, allocates, takes a lock; not in a signal handler unless signals are blocked, not before init.
 */
#pragma once

#include "policy/policy.h"
#include "shim/tls.h"

#include <stdbool.h>
#include <stddef.h>

/* What belongs to us lies beside libtlsup.so: in the build tree as well as installed. False: that was not
 * loaded by an absolute path (never from the current directory), or there is no room. */
bool engine_beside(const char *file, char *out, size_t cap);

/* The engine, or NULL: then `why` tells (at most cap bytes). */
const struct tls_engine *engine_get(char *why, size_t cap);

/* What a context is made for. */
struct engine_wish {
    const struct policy_verdict *verdict;
    bool client_certificate; /* the rule's, if it has one */
    bool http2;              /* ALPN offers h2 instead of what the rule says */
};

/* Below the engine must have been got. Makes the context of that kind unless it is there: kept while the
 * policy is in force. False with error set. */
bool engine_prepare(struct policy *policy, const struct engine_wish *wish, struct tls_error *error);

/* Is there nothing left to prepare for that wish? */
bool engine_is_prepared(struct policy *policy, const struct engine_wish *wish);

/* A TLS connection in that context; see struct tls_engine. */
struct tls *engine_open(struct policy *policy, const struct engine_wish *wish, int fd,
                        const struct tls_io *io, const struct tls_peer *peer, struct tls_error *error);

/* Before the root directory changes: loads the engine and reads what the rules of the policy name, as far as
 * it can be used. Afterwards, `changed`: nothing is read by path any more; else what was read is forgotten.
 */
void engine_keep(const struct policy *policy);
void engine_root_changed(bool changed);

/* Nobody opens a connection meanwhile. The lock comes after those of conns. */
void engine_hold(void);
void engine_let_go(void);
void engine_after_fork(void);
