/* SPDX-License-Identifier: MIT */
/*
 * Records of the audit log that a conn leaves (report.c).
 * Needs the conn's lock unless it says otherwise; what conn.h says of all of them holds here.
 */
#pragma once

#include "shim/conn/conn.h"

void report_decision(struct conn *c, const char *action);
void report_close(struct conn *c);
/* The server asked for TLS in the clear that the policy allowed. */
void report_asked_for_tls(struct conn *c);
/* The same for a connect() that never became a conn: refused (error is its errno), or left alone (error is
 * 0). `known` is what was looked up. No lock needed. */
void report_dial(const struct sockaddr *addr, const struct policy_target *known, const struct policy *policy,
                 const struct policy_verdict *v, int error, const char *result_type, const char *reason);

/* A request that goes out in the clear because no line names its port. `host`: the request's, or NULL. */
void report_unlisted(const struct sockaddr *addr, const char *host, const struct policy_target *known,
                     const struct policy *policy);

/* A door by which the descriptor would have left our reach was shut: the call gives `error`. Under the lock.
 */
void report_door(struct conn *c, int error, const char *what);
