/* SPDX-License-Identifier: MIT */
#include "policy/diag.h"

#include "policy/text.h"

static void add(struct policy_diagnostic *list, size_t *n, struct diag_place at, const char *const *parts)
{
    if (*n < POLICY_MAX_DIAGNOSTICS) {
        struct policy_diagnostic *d = &list[*n];
        struct text t = text_on(d->text, sizeof(d->text));

        d->line = at.line;
        d->column = at.column;
        for (; *parts; parts++)
            text_add(&t, *parts);
    }
    (*n)++;
}

void diag_add_error(struct policy_diagnostics *d, struct diag_place at, const char *const *parts)
{
    add(d->errors, &d->n_errors, at, parts);
}

void diag_add_warning(struct policy_diagnostics *d, struct diag_place at, const char *const *parts)
{
    add(d->warnings, &d->n_warnings, at, parts);
}

void diag_no_memory(struct policy_diagnostics *d, struct diag_place at)
{
    d->no_memory = true;
    diag_error(d, at, "out of memory");
}
