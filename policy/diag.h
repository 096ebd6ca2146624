/* SPDX-License-Identifier: MIT */
/* Collecting what is wrong with a policy text. May it block, may it allocate? No. */
#pragma once

#include "policy/policy.h"

struct diag_place {
    unsigned line, column; /* 1-based */
};

/* Each adds one diagnostic whose text is the given strings in a row; the list ends with NULL. Strings that
 * came from the file must have gone through text_quote(). */
void diag_error(struct policy_diagnostics *d, struct diag_place at, ...) __attribute__((sentinel));
void diag_warning(struct policy_diagnostics *d, struct diag_place at, ...) __attribute__((sentinel));
