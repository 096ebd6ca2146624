/* SPDX-License-Identifier: MIT */
/* Collecting what is wrong with a policy text. May it block, may it allocate? No. */
#pragma once

#include "policy/policy.h"

struct diag_place {
    unsigned line, column; /* 1-based */
};

/* Each adds one diagnostic whose text is the given strings in a row. Strings that came from the file must
 * have gone through text_quote(). */
#define diag_error(d, at, ...)   diag_add_error(d, at, (const char *const[]){__VA_ARGS__, NULL})
#define diag_warning(d, at, ...) diag_add_warning(d, at, (const char *const[]){__VA_ARGS__, NULL})

/* `parts` ends with NULL. */
void diag_add_error(struct policy_diagnostics *d, struct diag_place at, const char *const *parts);
void diag_add_warning(struct policy_diagnostics *d, struct diag_place at, const char *const *parts);
/* Memory is out: the text may be good all the same. */
void diag_no_memory(struct policy_diagnostics *d, struct diag_place at);
