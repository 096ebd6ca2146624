/* SPDX-License-Identifier: MIT */
/*
 * The options of a rule: one row each says how it is called, where it makes sense, what it may say, and
 * where its value lives in struct policy_rule.
 */
#pragma once

#include "policy/arena.h"
#include "policy/lex.h"
#include "policy/policy.h"
#include "policy/text.h"

/* Bits of policy_rule.own and .inherited: 1U << the option's index in the table. */
enum option_id {
    OPTION_MODE,
    OPTION_TRY,
    OPTION_IMPLICIT_PORT,
    OPTION_WHEN,
    OPTION_TOKENS,
    OPTION_CA,
    OPTION_CRL,
    OPTION_PIN,
    OPTION_MATCH,
    OPTION_SERVERNAME,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_CERT_ON_UPGRADE,
    OPTION_MIN_TLS,
    OPTION_CIPHERS,
    OPTION_CIPHERSUITES,
    OPTION_ALPN,
    OPTION_PROXY,
    OPTION_NON_HTTP,
    OPTION_TIMEOUT,
    OPTION_CONNECT_TIMEOUT,
    OPTION_RESUME,
    OPTION_PREMATURE_CLOSE,
    OPTION_DESYNC,
    OPTION_REDIRECTS,
    OPTION_AUDIT,
    OPTION_MESSAGES,
    OPTION_USER_POLICY,
    OPTION_COUNT,
};

/* An option as it is met in the text; `value` points into `word`, behind the '='. */
struct option_use {
    const struct option_row *row;
    const struct lex_word *word;
    char *value;
    struct policy_rule *rule;
    struct arena *arena;
    struct policy_diagnostics *diag;
};

struct option_row {
    const char *name;
    const char *allowed;                 /* what the value may be, for messages */
    bool (*parse)(struct option_use *u); /* checks, stores, or adds an error and returns false */
    void (*show)(const struct option_row *row, const struct policy_rule *r, struct text *out);
    size_t offset, size;  /* of the value in struct policy_rule */
    const char *off, *on; /* of a switch: the words for false and true */
    const char *unset;    /* shown for a string that is NULL */
    unsigned levels;      /* bits, 1U << level: where it makes sense */
    bool repeatable;
    bool rules, defaults; /* may stand on a rule, on the defaults line */
};

extern const struct option_row option_table[OPTION_COUNT];
/* Every option at its default, before any line. */
extern const struct policy_rule option_builtin;

/* NULL if there is no option of that name. */
const struct option_row *option_find(const char *name, size_t len);
static inline uint32_t option_bit(const struct option_row *row)
{
    return (uint32_t)1 << (row - option_table);
}
static inline bool option_fits_level(const struct option_row *row, enum policy_level level)
{
    return row->levels >> level & 1U;
}
/* Copies the option's value from one rule to another. */
void option_copy(const struct option_row *row, struct policy_rule *to, const struct policy_rule *from);
/* The value as the language writes it; what does not fit is cut. */
void option_show(const struct option_row *row, const struct policy_rule *r, struct text *out);

/* ---- parsers and writers of the table (values.c, show.c) ---- */
bool value_switch(struct option_use *u);
bool value_mode(struct option_use *u);
bool value_try(struct option_use *u);
bool value_port(struct option_use *u);
bool value_tokens(struct option_use *u);
bool value_path(struct option_use *u);
bool value_pin(struct option_use *u);
bool value_identity(struct option_use *u);
bool value_servername(struct option_use *u);
bool value_min_tls(struct option_use *u);
bool value_ciphers(struct option_use *u);
bool value_alpn(struct option_use *u);
bool value_seconds(struct option_use *u);
bool value_audit(struct option_use *u);

void show_switch(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_mode(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_try(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_port(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_string(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_pins(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_min_tls(const struct option_row *row, const struct policy_rule *r, struct text *out);
void show_seconds(const struct option_row *row, const struct policy_rule *r, struct text *out);
