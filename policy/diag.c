/* SPDX-License-Identifier: MIT */
#include "policy/diag.h"

#include <stdarg.h>

#include "policy/text.h"

static void add(struct policy_diagnostic *list, size_t *n, struct diag_place at, va_list parts)
{
    if (*n < POLICY_MAX_DIAGNOSTICS) {
        struct policy_diagnostic *d = &list[*n];
        struct text t = text_on(d->text, sizeof(d->text));

        d->line = at.line;
        d->column = at.column;
        for (const char *s = va_arg(parts, const char *); s; s = va_arg(parts, const char *))
            text_add(&t, s);
    }
    (*n)++;
}

void diag_error(struct policy_diagnostics *d, struct diag_place at, ...)
{
    va_list parts;

    va_start(parts, at);
    add(d->errors, &d->n_errors, at, parts);
    va_end(parts);
}

void diag_warning(struct policy_diagnostics *d, struct diag_place at, ...)
{
    va_list parts;

    va_start(parts, at);
    add(d->warnings, &d->n_warnings, at, parts);
    va_end(parts);
}
