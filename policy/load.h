/* SPDX-License-Identifier: MIT */
/*
 * Where a policy comes from: /etc/tlsup/policy.conf, TLSUP_POLICY, or the built-in one; who may own the
 * file; when it is read again. The only file of policy/ that touches the system.
 */
#pragma once

#include "policy/policy.h"

#ifndef TLSUP_SYSTEM_POLICY
#define TLSUP_SYSTEM_POLICY "/etc/tlsup/policy.conf"
#endif

/* A loaded policy, or why there is none. */
struct policy_source {
    struct policy *policy; /* NULL: not usable */
    const char *path;      /* the file that this is about, as it was passed in; NULL: the built-in policy */
    char error[512];       /* "path:line:column: text", or "path: why it can't be read"; set when NULL */
    /* Ports that are refused while `policy` is NULL. If the text could be read: 80 and each number that
     * stands as ":digits" anywhere in it (a superset, by a tolerant scan). Else 80, 631, 3128, 8080. */
    uint16_t refused_ports[64];
    size_t n_refused_ports;
    bool all_ports_refused; /* ":*" in an unusable text, more ports than fit, or starved */
    /* There was no memory or no descriptor to read it with: nothing is known of it, so every port is refused,
     * and the next one that asks should try again. */
    bool starved;
};

/*
 * Finds and loads the policy as DESIGN section 4 "Where from" says. `environment_path` is the value of
 * TLSUP_POLICY, or NULL (the caller leaves it out in secure-execution mode); `system_path` is
 * "/etc/tlsup/policy.conf" (tests give another). Blocks on file reads; allocates; not in a signal handler.
 * The source's policy carries one reference, policy_unref() it.
 */
void policy_load(const char *system_path, const char *environment_path, struct policy_source *out);
/* The same, and every diagnostic of the file that it ends with, if that could be read. */
void policy_load_diagnosed(const char *system_path, const char *environment_path, struct policy_source *out,
                           struct policy_diagnostics *diag);

/* Loads exactly one file with the same ownership and mode checks; diagnostics are optional. */
void policy_load_file(const char *path, struct policy_source *out, struct policy_diagnostics *diag);

/* What tells that a file changed; compare with policy_stamp_equal. */
struct policy_stamp {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    bool present;
};
/* The stamp of the file that policy_load() would look at first. One or two stat(2) calls. */
void policy_stamp_get(const char *system_path, const char *environment_path, struct policy_stamp out[2]);
bool policy_stamp_equal(const struct policy_stamp a[2], const struct policy_stamp b[2]);
