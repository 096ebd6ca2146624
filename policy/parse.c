/* SPDX-License-Identifier: MIT */
/* From the text to a policy, and what only shows when all its rules are known. */
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"
#include "policy/sha256.h"

#define RULES_MAX 4096U /* keeps the comparison of each rule with each short */

static bool keep_line(struct policy *p, const struct policy_line *line)
{
    if (p->n_lines == p->room) {
        size_t room = p->room ? 2 * p->room : 16;
        struct policy_line *grown = realloc(p->lines, room * sizeof(*grown));

        if (!grown)
            return false;
        p->lines = grown;
        p->room = room;
    }
    p->lines[p->n_lines++] = *line;
    return true;
}

static void add_ports(struct policy *p, const struct pattern *pattern)
{
    if (pattern->all_ports)
        memset(p->ports, 0xff, sizeof(p->ports));
    for (size_t i = 0; i < pattern->n_ports; i++)
        p->ports[pattern->ports[i] / 64] |= (uint64_t)1 << pattern->ports[i] % 64;
}

/* A bad rule is kept too while the text is read: it counts for duplicates, order and the missing '*'. */
static void end_rule(struct policy *p, struct rule_draft *d, struct policy_diagnostics *diag)
{
    rule_finish(d, p, diag);
    if (d->is_defaults && (p->n_lines || p->defaults.line))
        return;
    if (d->is_defaults) {
        p->defaults = d->line.rule;
        return;
    }
    if (d->bad && !d->line.pattern.n_ports && !d->line.pattern.all_ports)
        return;
    add_ports(p, &d->line.pattern);
    if (p->n_lines == RULES_MAX)
        diag_error(diag, d->start, "more than 4096 rules; use patterns");
    else if (!keep_line(p, &d->line))
        diag_no_memory(diag, d->start);
}

/* A port that both list, -1 if there is none. */
static int common_port(const struct pattern *a, const struct pattern *b)
{
    if (a->all_ports)
        return b->all_ports ? 0 : b->ports[0];
    if (b->all_ports)
        return a->ports[0];
    for (size_t i = 0; i < b->n_ports; i++)
        if (pattern_has_port(a, b->ports[i]))
            return b->ports[i];
    return -1;
}

/* Can `late` still decide anything behind `early`? A line of level none behind '*' cannot, whatever it
 * matches: an address never loosens what a name got, and without a name '*' comes first. */
static bool is_useless(const struct policy_line *early, const struct policy_line *late)
{
    if (!pattern_covers_ports(&early->pattern, &late->pattern))
        return false;
    if (early->pattern.kind == PATTERN_ANY && late->rule.level == LEVEL_NONE)
        return true;
    return pattern_covers(&early->pattern, &late->pattern);
}

static void compare(const struct policy_line *early, const struct policy_line *late, bool *useless,
                    struct policy_diagnostics *diag)
{
    struct diag_place at = {late->rule.line, late->column};
    char first[TEXT_UINT_MAX], quoted[TEXT_QUOTE_MAX];
    int port = -1;

    if (pattern_equal(&early->pattern, &late->pattern))
        port = common_port(&early->pattern, &late->pattern);
    text_uint(first, early->rule.line);
    if (port >= 0) {
        char number[TEXT_UINT_MAX];

        *useless = true;
        diag_error(diag, at, text_quote(quoted, late->rule.destination), " has a rule already, in line ",
                   first, " (port ", port ? text_uint(number, (uint64_t)port) : "*", ")");
    } else if (is_useless(early, late)) {
        *useless = true;
        diag_warning(diag, at, text_quote(quoted, late->rule.destination), " can never decide: line ", first,
                     " comes before it and matches all of it");
    }
}

static void check_all(const struct policy *p, const struct lex *end, struct policy_diagnostics *diag)
{
    struct diag_place last = {end->line, 1};
    bool has_any = false;

    for (size_t late = 0; late < p->n_lines; late++) {
        bool useless = false;

        has_any |= p->lines[late].pattern.kind == PATTERN_ANY;
        for (size_t early = 0; early < late && !useless; early++)
            compare(&p->lines[early], &p->lines[late], &useless, diag);
    }
    if (!p->n_lines && !diag->n_errors)
        diag_error(diag, last, "there is no rule; write '* none' if nothing shall be protected");
    if (p->n_lines)
        last.line = p->lines[p->n_lines - 1].rule.line;
    if (!has_any && p->n_lines)
        diag_warning(diag, last, "no rule for '*': destinations that no rule matches are left alone");
}

static void parse_rules(struct policy *p, char *text, size_t len, struct policy_diagnostics *diag)
{
    struct rule_draft draft;
    struct lex lex;
    struct lex_word w;
    bool open = false;

    lex_begin(&lex, text, len);
    while (lex_next(&lex, &w)) {
        if (w.starts_rule) {
            if (open)
                end_rule(p, &draft, diag);
            rule_begin(&draft, p, &w, diag);
            open = true;
        } else if (open) {
            rule_word(&draft, p, &w, diag);
        } else {
            diag_error(diag, w.place, "this line begins with white space but continues no rule");
            break;
        }
    }
    if (open)
        end_rule(p, &draft, diag);
    check_all(p, &lex, diag);
}

static void write_digest(struct policy *p, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t sum[SHA256_BYTES];

    sha256(text, len, sum);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        p->digest[2 * i] = hex[sum[i] >> 4];
        p->digest[2 * i + 1] = hex[sum[i] & 15];
    }
}

struct policy *policy_parse(const char *text, size_t len, const char *origin, struct policy_diagnostics *diag)
{
    const struct diag_place start = {1, 1};
    struct policy *p = calloc(1, sizeof(*p));
    char *copy = NULL;

    diag->n_errors = 0;
    diag->n_warnings = 0;
    diag->no_memory = false;
    if (p) {
        p->refs = 1;
        p->defaults = option_builtin;
        p->origin = arena_copy(&p->arena, origin, strlen(origin));
        copy = arena_copy(&p->arena, text, len);
    }
    if (!p || !p->origin || !copy) {
        diag_no_memory(diag, start);
    } else {
        write_digest(p, text, len);
        parse_rules(p, copy, len, diag);
    }
    if (diag->n_errors) {
        policy_unref(p);
        return NULL;
    }
    return p;
}

struct policy *policy_builtin(void)
{
    static const char text[] = "localhost none\n* verify\n";
    struct policy_diagnostics *diag = calloc(1, sizeof(*diag));
    struct policy *p = diag ? policy_parse(text, sizeof(text) - 1, "built-in", diag) : NULL;

    free(diag);
    for (size_t i = 0; p && i < p->n_lines; i++)
        p->lines[i].rule.line = 0;
    return p;
}

struct policy *policy_ref(struct policy *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void policy_unref(struct policy *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(p->lines);
    arena_free(&p->arena);
    free(p);
}

const char *policy_origin(const struct policy *p)
{
    return p->origin;
}

const char *policy_digest(const struct policy *p)
{
    return p->digest;
}

size_t policy_count_rules(const struct policy *p)
{
    return p->n_lines;
}

const struct policy_rule *policy_rule_at(const struct policy *p, size_t number)
{
    return number < p->n_lines ? &p->lines[number].rule : NULL;
}

bool policy_allows_user_policy(const struct policy *p)
{
    return p->defaults.user_policy;
}

const struct policy_rule *policy_defaults(const struct policy *p)
{
    return &p->defaults;
}
