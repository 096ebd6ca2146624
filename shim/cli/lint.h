/* SPDX-License-Identifier: MIT */
/* What is no mistake in the language, but hardly meant: warnings of `tlsup check` that the shim has no use
 * for. */
#pragma once

#include "policy/policy.h"

/* Adds them to diag->warnings, which are sorted by place afterwards. `path` is the file that the policy was
 * read from, or NULL; its ca=, crl=, cert= and key= files are looked into. */
void lint(const struct policy *p, const char *path, struct policy_diagnostics *diag);
