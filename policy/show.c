/* SPDX-License-Identifier: MIT */
/* Values of options as the language writes them, for `explain` and records. */
#include <string.h>

#include "policy/base64.h"
#include "policy/options.h"

void show_switch(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    bool on;

    memcpy(&on, (const char *)r + row->offset, sizeof(on));
    text_add(out, on ? row->on : row->off);
}

void show_mode(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    (void)row;
    text_add(out, policy_mode_name(r->mode));
}

void show_try(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    (void)row;
    for (unsigned i = 0; i < r->n_try; i++) {
        text_add(out, i ? "," : "");
        text_add(out, policy_strategy_name(r->try[i]));
    }
}

void show_port(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    (void)row;
    if (r->implicit_port)
        text_add_uint(out, r->implicit_port);
    else
        text_add(out, "443 for 80, others the same");
}

void show_string(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    const char *s;

    memcpy(&s, (const char *)r + row->offset, sizeof(s));
    text_add(out, s ? s : row->unset);
}

void show_pins(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    char base64[BASE64_PIN_CHARS + 1];

    (void)row;
    if (!r->n_pins)
        text_add(out, "none");
    for (size_t i = 0; i < r->n_pins; i++) {
        text_add(out, i ? " sha256//" : "sha256//");
        base64_write_pin(&r->pins[i], base64);
        text_add(out, base64);
    }
}

void show_min_tls(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    (void)row;
    text_add(out, r->min_tls == 0x0304 ? "1.3" : "1.2");
}

void show_seconds(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    unsigned ms, rest;

    memcpy(&ms, (const char *)r + row->offset, sizeof(ms));
    text_add_uint(out, ms / 1000);
    rest = ms % 1000;
    if (!rest)
        return;
    text_add(out, ".");
    for (unsigned digit = 100; rest; digit /= 10) {
        text_add_uint(out, rest / digit);
        rest %= digit;
    }
}
