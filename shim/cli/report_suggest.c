/* SPDX-License-Identifier: MIT */
/*
 * The strictest policy that the seen traffic satisfies: what was proven is demanded, what failed is not. One
 * line a destination; its evidence stands above it.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/base64.h"
#include "policy/rule.h"
#include "shim/cli/report.h"

#define KEYS_MAX 4U /* more keys than these are no pins but a farm, or a rotation */

struct suggestion {
    enum policy_level level;
    bool pins, tls13;
    const char *why;
    const struct policy_rule *rule; /* under which it was seen, if the policy is the same still */
};

/* ---- what the evidence allows ---- */

static bool has_keys(const struct tally_destination *d)
{
    uint64_t n = 0;

    for (size_t i = 0; i < d->keys.n; i++)
        n += d->keys.list[i].n;
    return d->keys.n && d->keys.n <= KEYS_MAX && !d->keys.others && n >= d->upgraded;
}

static void suggest_tls(const struct tally_destination *d, struct suggestion *s)
{
    if (d->proven == d->upgraded) {
        s->level = d->proven_rule == d->upgraded && s->rule ? LEVEL_SECURE : LEVEL_VERIFY;
        s->why = "all upgraded, each certificate was good";
    } else if (has_keys(d)) {
        s->level = LEVEL_FINGERPRINT;
        s->pins = true;
        s->why = "all upgraded, not every certificate was good or checked, and these were all the keys";
    } else {
        s->level = LEVEL_ENCRYPT;
        s->why =
            "all upgraded, not every certificate was good or checked, and there were too many keys to pin";
    }
    s->tls13 = d->versions.n == 1 && !d->versions.others && strcmp(d->versions.list[0].word, "TLSv1.3") == 0;
}

static enum policy_level level_of(const char *word)
{
    for (enum policy_level l = LEVEL_NONE; l <= LEVEL_REJECT; l++)
        if (strcmp(policy_level_name(l), word) == 0)
            return l;
    return LEVEL_VERIFY;
}

static void suggest(const struct tally_destination *d, struct suggestion *s)
{
    if (d->blocked) {
        s->level = level_of(d->level);
        s->pins = s->level == LEVEL_FINGERPRINT && !s->rule;
        s->why = "some were blocked: the level stays, to loosen it is for a person to decide";
    } else if (d->tampered) {
        s->level = LEVEL_NONE;
        s->why = "some went on that fail at every level";
    } else if (d->unlisted == d->n) {
        s->level = LEVEL_MAY;
        s->why = "no line names its port: nothing was tried, tlsup probe says what it has";
    } else if (d->upgraded < d->n) {
        s->level = LEVEL_MAY;
        s->why = "not all could be upgraded";
    } else {
        suggest_tls(d, s);
    }
}

/* ---- writing ---- */

static const struct policy_rule *find_rule(const struct policy *p, const struct tally_destination *d)
{
    const char *colon = strrchr(d->rule, ':');
    uint64_t line = colon ? seen_number(colon + 1) : 0;

    if (!p || !line || strcmp(policy_digest(p), d->digest) != 0)
        return NULL;
    for (size_t i = 0; i < p->n_lines; i++)
        if (p->lines[i].rule.line == line)
            return &p->lines[i].rule;
    return NULL;
}

static void write_evidence(FILE *to, const struct tally_destination *d, const struct suggestion *s)
{
    fprintf(to, "# %llu connection%s, %s to %s: %llu upgraded", (unsigned long long)d->n,
            d->n == 1 ? "" : "s", d->first, d->last, (unsigned long long)d->upgraded);
    if (d->plain + d->bypass)
        fprintf(to, ", %llu plain", (unsigned long long)d->plain + d->bypass);
    if (d->blocked)
        fprintf(to, ", %llu blocked", (unsigned long long)d->blocked);
    fprintf(to, "; %s\n", s->why);
    for (size_t i = 0; i < d->results.n; i++)
        if (strcmp(d->results.list[i].word, "success") != 0)
            fprintf(to, "# %llu %s\n", (unsigned long long)d->results.list[i].n, d->results.list[i].word);
    if (s->level >= LEVEL_ENCRYPT && s->level < LEVEL_REJECT && !s->rule && d->rule[0] &&
        strncmp(d->rule, "built-in", 8) != 0)
        fprintf(to, "# its rule is not in the policy that is in force: ca= and the like may be missing\n");
}

static int write_pins(FILE *to, const struct tally_destination *d, int n)
{
    for (size_t k = 0; k < d->keys.n && k < KEYS_MAX; k++) {
        const char *hex = d->keys.list[k].word;
        struct policy_pin pin = {{0}};
        char base64[BASE64_PIN_CHARS + 1];

        if (strspn(hex, "0123456789abcdef") != 2U * POLICY_PIN_BYTES || hex[2U * POLICY_PIN_BYTES])
            continue;
        for (size_t i = 0; i < POLICY_PIN_BYTES; i++) {
            char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};

            pin.sha256[i] = (uint8_t)strtoul(pair, NULL, 16);
        }
        base64_write_pin(&pin, base64);
        fprintf(to, " pin=sha256//%s", base64);
        n++;
    }
    return n;
}

/* What the rule had said, but for what is suggested itself. */
static void write_options(FILE *to, const struct suggestion *s)
{
    static char value[8192];
    const uint32_t left_out =
        1U << OPTION_MODE | (s->pins ? 1U << OPTION_PIN : 0) | (s->tls13 ? 1U << OPTION_MIN_TLS : 0);

    for (size_t i = 0; s->rule && i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        struct text t = text_on(value, sizeof(value));

        if (!((s->rule->own | s->rule->inherited) & option_bit(row) & ~left_out) || !row->rules ||
            !option_fits_level(row, s->level))
            continue;
        option_show(row, s->rule, &t);
        fprintf(to, " %s=%s", row->name, value);
    }
}

static bool is_destination(const char *host)
{
    char name[POLICY_NAME_MAX + 1];
    struct policy_address address;

    return policy_parse_address(host, &address) || policy_normalise_name(host, strlen(host), name);
}

static void write_line(FILE *to, const struct tally_destination *d, struct suggestion *s)
{
    bool brackets = strchr(d->host, ':') != NULL;
    char destination[300];

    suggest(d, s);
    write_evidence(to, d, s);
    snprintf(destination, sizeof(destination), "%s%s%s:%u", brackets ? "[" : "", d->host, brackets ? "]" : "",
             d->port);
    fprintf(to, "%-40s  %s", destination, policy_level_name(s->level));
    if (s->pins && !write_pins(to, d, 0))
        fprintf(to, " pin=THE-PINS-OF-THE-RULE");
    if (s->tls13)
        fprintf(to, " min-tls=1.3");
    write_options(to, s);
    fprintf(to, "\n\n");
}

static void write_rest(FILE *to, const struct tally *t)
{
    uint64_t ports[UINT16_MAX / 64 + 1] = {0};
    const char *between = ":";

    fprintf(to, "# nothing else was seen; reject would be stricter\n*");
    for (size_t i = 0; i < t->n; i++)
        ports[t->list[i]->port / 64] |= (uint64_t)1 << t->list[i]->port % 64;
    for (unsigned port = 1; port <= UINT16_MAX; port++)
        if (ports[port / 64] >> port % 64 & 1) {
            fprintf(to, "%s%u", between, port);
            between = ",";
        }
    fprintf(to, "  verify\n");
}

/* ---- and is it so? Addresses and names meet in a connection, and the strictest line wins. ---- */

static void decide(const struct policy *p, const struct tally_destination *d, const char *address_text,
                   struct policy_verdict *v)
{
    struct policy_target target = {.port = (uint16_t)d->port};
    const char *name = d->host;
    struct policy_address own;

    target.no_address = !policy_parse_address(address_text, &target.address);
    if (!policy_parse_address(d->host, &own)) {
        target.names = &name;
        target.n_names = 1;
        target.request_name = name;
    }
    policy_decide(p, &target, v);
}

static void check(const struct policy *p, const struct tally *t, const struct suggestion *s)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t a = 0; a < t->list[i]->addresses.n; a++) {
            struct policy_verdict v;

            decide(p, t->list[i], t->list[i]->addresses.list[a].word, &v);
            if (!is_destination(t->list[i]->host) || v.level <= s[i].level)
                continue;
            printf("# caution: %s at %s would get %s, by line %u\n", t->list[i]->host,
                   t->list[i]->addresses.list[a].word, policy_level_name(v.level), v.rule ? v.rule->line : 0);
        }
}

static void write_policy(FILE *to, const struct tally *t, const struct policy *in_force, struct suggestion *s)
{
    fprintf(to, "# suggested by tlsup report from %llu records: the strictest that they satisfy\n\n",
            (unsigned long long)t->records);
    for (size_t i = 0; i < t->n; i++) {
        const struct tally_destination *d = t->list[i];

        s[i].rule = find_rule(in_force, d);
        s[i].level = LEVEL_REJECT;
        if (d->n && is_destination(d->host))
            write_line(to, d, &s[i]);
        else if (d->n)
            fprintf(to, "# a destination whose name cannot stand in a policy was left out\n\n");
    }
    write_rest(to, t);
}

int report_suggest(const struct tally *t, const struct policy *in_force)
{
    struct suggestion *s = calloc(t->n + 1, sizeof(*s));
    static struct policy_diagnostics diag;
    struct policy *p = NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);

    if (s && to) {
        write_policy(to, t, in_force, s);
        fclose(to);
        fwrite(text, 1, len, stdout);
        p = policy_parse(text, len, "suggested", &diag);
        if (p)
            check(p, t, s);
        else
            fprintf(stderr, "tlsup report: the suggestion needs a look, line %u: %s\n", diag.errors[0].line,
                    diag.errors[0].text);
    }
    policy_unref(p);
    free(text);
    free(s);
    return p ? CLI_OK : CLI_BAD;
}
