/* SPDX-License-Identifier: MIT */
/* What `tlsup explain` found out, for its two writers. */
#pragma once

#include "policy/options.h"
#include "shim/cli/cli.h"
#include "shim/cli/url.h"

struct explanation {
    const char *text; /* the URL as it was given */
    struct url url;
    bool has_address;
    const struct policy *policy;
    struct policy_verdict verdict;
    char outcome[512]; /* what would happen, in one sentence */
};

/* Does the option have an effect under this verdict? */
bool explain_applies(const struct explanation *e, const struct option_row *row);
/* Its effective value. */
void explain_value(const struct explanation *e, const struct option_row *row, struct text *out);

void explain_print_text(const struct explanation *e);
void explain_print_json(const struct explanation *e);
