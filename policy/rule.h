/* SPDX-License-Identifier: MIT */
/* One rule on its way from words to struct policy_rule, and the policy that rules make up. */
#pragma once

#include <stdatomic.h>

#include "policy/options.h"
#include "policy/pattern.h"

struct policy_line {
    struct pattern pattern;
    struct policy_rule rule;
    unsigned column;
};

struct policy {
    atomic_uint refs;
    struct arena arena; /* the text and everything that rules point to */
    struct policy_line *lines;
    size_t n_lines, room;
    struct policy_rule defaults;
    uint64_t ports[UINT16_MAX / 64 + 1]; /* a bit for each port that a line names */
    const char *origin;
    char digest[65];
};

/* A rule while its words are read. */
struct rule_draft {
    struct policy_line line;
    struct diag_place start, level_place;
    struct diag_place option_place[OPTION_COUNT]; /* where each bit of rule.own was set */
    bool is_defaults;
    bool has_level;   /* the word was there */
    bool knows_level; /* and it was a level */
    bool bad;         /* an error was reported: the rule is not kept */
};

/* Starts a rule at its first word, the destination or "defaults". Allocates from the policy's arena. */
void rule_begin(struct rule_draft *d, struct policy *p, const struct lex_word *w,
                struct policy_diagnostics *diag);
/* The next word: the level, then options. */
void rule_word(struct rule_draft *d, struct policy *p, const struct lex_word *w,
               struct policy_diagnostics *diag);
/* No more words: takes over what the defaults line says and checks what only shows in the whole. */
void rule_finish(struct rule_draft *d, struct policy *p, struct policy_diagnostics *diag);
