/* SPDX-License-Identifier: MIT */
#include "policy/rule.h"

#include <string.h>

#include "policy/suggest.h"

#define LEVELS   "none may encrypt fingerprint verify secure reject"
#define N_LEVELS (LEVEL_REJECT + 1)

/* What people write who come from other tools. */
static const struct {
    const char *word, *level;
} other_words[] = {
    {"off", "none"},           {"never", "none"},       {"plain", "none"},        {"bypass", "none"},
    {"disable", "none"},       {"disabled", "none"},    {"ignore", "none"},       {"allow", "may"},
    {"prefer", "may"},         {"preferred", "may"},    {"opportunistic", "may"}, {"optional", "may"},
    {"ifrequested", "may"},    {"observe", "may"},      {"on", "verify"},         {"require", "verify"},
    {"required", "verify"},    {"mandatory", "verify"}, {"always", "verify"},     {"enforce", "verify"},
    {"strict", "secure"},      {"tls", "verify"},       {"https", "verify"},      {"deny", "reject"},
    {"block", "reject"},       {"drop", "reject"},      {"refuse", "reject"},     {"pin", "fingerprint"},
    {"pinned", "fingerprint"},
};

static const char *suggest_level(const char *word)
{
    const char *names[N_LEVELS];

    for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++)
        if (strcmp(word, other_words[i].word) == 0)
            return other_words[i].level;
    for (unsigned i = 0; i < N_LEVELS; i++)
        names[i] = policy_level_name((enum policy_level)i);
    return suggest(word, names, N_LEVELS);
}

static void unknown_level(const struct lex_word *w, struct policy_diagnostics *diag)
{
    const char *near = suggest_level(w->text);
    char quoted[TEXT_QUOTE_MAX];

    diag_error(diag, w->place, "unknown level ", text_quote(quoted, w->text), near ? ", did you mean '" : "",
               near ? near : "", near ? "'? levels: " : "; levels: ", LEVELS);
}

static void unknown_option(const struct lex_word *w, size_t len, struct policy_diagnostics *diag)
{
    const char *names[OPTION_COUNT], *near;
    char quoted[TEXT_QUOTE_MAX];

    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = option_table[i].name;
    w->text[len] = '\0';
    near = suggest(w->text, names, OPTION_COUNT);
    diag_error(diag, w->place, "unknown option ", text_quote(quoted, w->text), near ? ", did you mean '" : "",
               near ? near : "", near ? "'?" : "");
}

static bool is_plain(const struct lex_word *w, struct policy_diagnostics *diag)
{
    size_t at = lex_control(w);

    if (at < w->len)
        diag_error(diag, lex_place(w, at), "control character in the text: the policy is a text file");
    return at == w->len;
}

/* A destination that is one name or one address is a reference identity of its own. */
static bool name_literal(struct rule_draft *d, struct policy *p)
{
    const struct pattern *pattern = &d->line.pattern;
    char text[POLICY_ADDRESS_TEXT];

    if (pattern->kind == PATTERN_NAME)
        d->line.rule.literal_name = pattern->name;
    if (pattern->kind != PATTERN_ADDRESS || pattern->bits != 128)
        return true;
    policy_format_address(&pattern->address, text);
    d->line.rule.literal_name = arena_copy(&p->arena, text, strlen(text));
    return d->line.rule.literal_name;
}

void rule_begin(struct rule_draft *d, struct policy *p, const struct lex_word *w,
                struct policy_diagnostics *diag)
{
    memset(d, 0, sizeof(*d));
    d->start = w->place;
    d->line.column = w->place.column;
    d->line.rule = option_builtin;
    d->line.rule.line = w->place.line;
    d->line.rule.destination = w->text;
    d->is_defaults = strcmp(w->text, "defaults") == 0;
    if (!is_plain(w, diag)) {
        d->bad = true;
    } else if (d->is_defaults) {
        d->bad = p->n_lines || p->defaults.line;
        if (p->defaults.line)
            diag_error(diag, w->place, "a second defaults line; there is one, at the top");
        else if (d->bad)
            diag_error(diag, w->place, "the defaults line comes before every rule");
    } else if (!pattern_parse(&d->line.pattern, w, &p->arena, diag)) {
        d->bad = true;
    } else if (!name_literal(d, p)) {
        diag_no_memory(diag, w->place);
        d->bad = true;
    }
}

static void read_level(struct rule_draft *d, const struct lex_word *w, struct policy_diagnostics *diag)
{
    d->has_level = true;
    d->level_place = w->place;
    if (d->is_defaults) {
        d->knows_level = strcmp(w->text, "-") == 0;
        if (!d->knows_level)
            diag_error(diag, w->place, "the defaults line has no level; write '-' in its place");
    } else {
        for (unsigned i = 0; i < N_LEVELS && !d->knows_level; i++) {
            d->line.rule.level = (enum policy_level)i;
            d->knows_level = strcmp(w->text, policy_level_name(d->line.rule.level)) == 0;
        }
        if (!d->knows_level)
            unknown_level(w, diag);
    }
    d->bad |= !d->knows_level;
}

/* The levels at which the option makes sense. */
static const char *sensible_levels(const struct option_row *row, struct text *list)
{
    for (unsigned i = 0; i < N_LEVELS; i++) {
        if (!option_fits_level(row, (enum policy_level)i))
            continue;
        text_add(list, list->len ? " " : "");
        text_add(list, policy_level_name((enum policy_level)i));
    }
    return list->buf;
}

/* May the option stand here at all? */
static bool is_welcome(struct rule_draft *d, const struct option_row *row, const struct lex_word *w,
                       struct policy_diagnostics *diag)
{
    char levels[sizeof(LEVELS)];
    struct text list = text_on(levels, sizeof(levels));
    char number[TEXT_UINT_MAX];
    enum option_id index = (enum option_id)(row - option_table);

    if (d->is_defaults ? !row->defaults : !row->rules)
        diag_error(diag, w->place, row->name,
                   d->is_defaults ? "= belongs to one rule, not to the defaults line"
                                  : "= stands only on the defaults line");
    else if (!d->is_defaults && d->knows_level && !option_fits_level(row, d->line.rule.level))
        diag_error(diag, w->place, row->name, "= makes no sense at level ",
                   policy_level_name(d->line.rule.level), "; it is for ", sensible_levels(row, &list));
    else if ((d->line.rule.own & option_bit(row)) && !row->repeatable)
        diag_error(diag, w->place, row->name, "= was set before, in line ",
                   text_uint(number, d->option_place[index].line));
    else
        return true;
    return false;
}

static void read_option(struct rule_draft *d, struct policy *p, const struct lex_word *w,
                        struct policy_diagnostics *diag)
{
    size_t name_len = strcspn(w->text, "=");
    const struct option_row *row = option_find(w->text, name_len);
    struct option_use use = {row, w, w->text + name_len + 1, &d->line.rule, &p->arena, diag};
    char quoted[TEXT_QUOTE_MAX];

    d->bad = true;
    if (!row) {
        unknown_option(w, name_len, diag);
    } else if (!w->text[name_len]) {
        diag_error(diag, w->place, text_quote(quoted, w->text), " needs a value: ", row->name, "=, then ",
                   row->allowed);
    } else if (is_welcome(d, row, w, diag) && row->parse(&use)) {
        d->line.rule.own |= option_bit(row);
        d->option_place[row - option_table] = w->place;
        d->bad = false;
    }
}

void rule_word(struct rule_draft *d, struct policy *p, const struct lex_word *w,
               struct policy_diagnostics *diag)
{
    bool was_bad = d->bad;

    if (!is_plain(w, diag)) {
        d->bad = true;
    } else if (d->has_level) {
        read_option(d, p, w, diag);
    } else if (strchr(w->text, '=')) {
        diag_error(diag, w->place, "the level is missing before the options; levels: ", LEVELS);
        d->has_level = true;
        d->level_place = w->place;
        read_option(d, p, w, diag);
        d->bad = true;
    } else {
        read_level(d, w, diag);
    }
    d->bad |= was_bad;
}

/* Values of the defaults line, where the rule has none of its own and they make sense at its level. */
static void inherit(struct policy_rule *r, const struct policy_rule *defaults)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];

        if (!(defaults->own & option_bit(row)) || (r->own & option_bit(row)) ||
            !option_fits_level(row, r->level))
            continue;
        option_copy(row, r, defaults);
        r->inherited |= option_bit(row);
    }
}

static bool tries_connect(const struct policy_rule *r)
{
    for (unsigned i = 0; i < r->n_try; i++)
        if (r->try[i] == STRATEGY_CONNECT)
            return true;
    return false;
}

/* What is said of one server cannot be true of all that stand behind a proxy. */
static const struct option_row *servers_option(const struct policy_rule *r)
{
    static const enum option_id of_servers[] = {OPTION_MATCH, OPTION_SERVERNAME, OPTION_IMPLICIT_PORT};

    for (size_t i = 0; i < sizeof(of_servers) / sizeof(of_servers[0]); i++)
        if (r->own & option_bit(&option_table[of_servers[i]]))
            return &option_table[of_servers[i]];
    return NULL;
}

/* Through a proxy TLS begins with CONNECT, and with nothing else: try= need not say so. */
static bool check_proxy(struct rule_draft *d, struct policy_diagnostics *diag)
{
    struct policy_rule *r = &d->line.rule;
    bool own_try = r->own & 1U << OPTION_TRY;
    const struct option_row *servers = servers_option(r);

    if (!r->proxy && own_try && tries_connect(r))
        diag_error(diag, d->option_place[OPTION_TRY],
                   "connect is the way through a proxy: it needs proxy=yes beside it");
    else if (r->proxy && own_try && (r->n_try > 1 || !tries_connect(r)))
        diag_error(diag, d->option_place[OPTION_TRY],
                   "a proxy has one way only: leave try= out, or try=connect");
    else if (r->proxy && r->level == LEVEL_SECURE)
        diag_error(diag, d->level_place,
                   "level secure takes the name from the rule, which is the proxy's; write verify here, and "
                   "secure on the servers' lines");
    else if (r->proxy && servers)
        diag_error(diag, d->option_place[servers - option_table], servers->name,
                   "= is about one server; write it on that server's line, not on its proxy's");
    else {
        if (r->proxy) {
            r->try[0] = STRATEGY_CONNECT;
            r->n_try = 1;
        }
        return true;
    }
    return false;
}

/* Options that need each other; places of the own ones. */
static bool check_together(const struct rule_draft *d, struct policy_diagnostics *diag)
{
    const struct policy_rule *r = &d->line.rule;
    enum option_id lonely = r->cert ? OPTION_CERT : OPTION_KEY; /* an inherited one was told of there */
    bool own_when = r->own & 1U << OPTION_WHEN;
    bool own_connect_timeout = r->own & 1U << OPTION_CONNECT_TIMEOUT;

    if (!r->cert != !r->key && r->own & 1U << lonely)
        diag_error(diag, d->option_place[lonely],
                   r->cert ? "cert= needs key= beside it" : "key= needs cert= beside it");
    else if (r->cert_on_upgrade && !r->cert && !d->is_defaults)
        diag_error(diag, d->start, "cert-on-upgrade=yes needs cert= and key=");
    else if (own_connect_timeout && !d->is_defaults && r->level != LEVEL_MAY && r->mode != MODE_TESTING)
        diag_error(diag, d->option_place[OPTION_CONNECT_TIMEOUT],
                   "connect-timeout= is for what goes on in plain; it makes no sense at level ",
                   policy_level_name(r->level), " unless mode=testing");
    else if (own_when && r->when_connect && !d->is_defaults && r->try[0] != STRATEGY_IMPLICIT)
        diag_error(
            diag, d->option_place[OPTION_WHEN],
            "when=connect is for TLS that begins with the connection: it needs a try= that begins with "
            "implicit");
    else
        return true;
    return false;
}

static bool check_level(const struct rule_draft *d, struct policy_diagnostics *diag)
{
    const struct policy_rule *r = &d->line.rule;

    if (r->level == LEVEL_FINGERPRINT && !r->n_pins)
        diag_error(diag, d->level_place, "level fingerprint needs at least one pin=sha256//BASE64");
    else if (r->level == LEVEL_SECURE && !r->literal_name && !r->match)
        diag_error(
            diag, d->level_place,
            "level secure takes the name from the rule; this destination is a pattern: add match=NAME");
    else
        return true;
    return false;
}

void rule_finish(struct rule_draft *d, struct policy *p, struct policy_diagnostics *diag)
{
    if (!d->has_level) {
        diag_error(diag, d->start,
                   d->is_defaults ? "the defaults line is not complete: defaults - OPTION=VALUE"
                                  : "the level is missing behind the destination; levels: " LEVELS);
        d->bad = true;
    }
    if (!d->knows_level)
        return;
    if (!d->is_defaults)
        inherit(&d->line.rule, &p->defaults);
    if (d->bad)
        return;
    d->bad = !check_proxy(d, diag) || !check_together(d, diag) || (!d->is_defaults && !check_level(d, diag));
}
