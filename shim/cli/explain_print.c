/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "shim/cli/explain.h"

#define VALUE_MAX 8192U /* 64 pins fit */

/* Where a value comes from: "rule", "defaults" or "built-in", and the line. */
static const char *origin(const struct explanation *e, const struct option_row *row, unsigned *line)
{
    const struct policy_rule *r = e->verdict.rule;

    *line = 0;
    if (r->inherited & option_bit(row)) {
        *line = policy_defaults(e->policy)->line;
        return "defaults";
    }
    if (!(r->own & option_bit(row)))
        return "built-in";
    *line = r->line;
    return "rule";
}

static const char *value(const struct explanation *e, const struct option_row *row)
{
    static char buf[VALUE_MAX];
    struct text t = text_on(buf, sizeof(buf));

    explain_value(e, row, &t);
    return buf;
}

/* ---- text ---- */

static void print_rule(const struct explanation *e)
{
    const struct policy_rule *r = e->verdict.rule;

    if (!r)
        printf("  %-16s none\n", "rule");
    else if (r->line)
        printf("  %-16s %s:%u (%s)\n", "rule", policy_origin(e->policy), r->line, r->destination);
    else
        printf("  %-16s %s (%s)\n", "rule", policy_origin(e->policy), r->destination);
    printf("  %-16s %s\n", "level", policy_level_name(e->verdict.level));
    for (size_t i = 0; i < e->verdict.n_pinned; i++)
        if (e->verdict.pinned[i] != r)
            printf("  %-16s %s:%u (%s)\n", "also pinned by", policy_origin(e->policy),
                   e->verdict.pinned[i]->line, e->verdict.pinned[i]->destination);
}

void explain_print_text(const struct explanation *e)
{
    printf("http://%s%s%s:%u", e->url.is_address && strchr(e->url.host, ':') ? "[" : "", e->url.host,
           e->url.is_address && strchr(e->url.host, ':') ? "]" : "", e->url.port);
    if (e->has_address && !e->url.is_address) {
        char text[POLICY_ADDRESS_TEXT];

        printf(" at %s", policy_format_address(&e->url.address, text));
    }
    printf("\n  %s\n\n", e->outcome);
    print_rule(e);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        unsigned line;
        const char *from;

        if (!explain_applies(e, row))
            continue;
        from = origin(e, row, &line);
        printf("  %-16s %-28s ", row->name, value(e, row));
        if (line)
            printf("%sline %u\n", from[0] == 'd' ? "defaults, " : "", line);
        else
            printf("built-in\n");
    }
    printf("\n  policy %s, sha256 %s\n", policy_origin(e->policy), policy_digest(e->policy));
}

/* ---- JSON ---- */

static void json_member(const char *name, const char *text)
{
    cli_json_string(stdout, name);
    putchar(':');
    if (text)
        cli_json_string(stdout, text);
    else
        printf("null");
}

static void json_rule(const struct policy_rule *r)
{
    if (!r) {
        printf("null");
        return;
    }
    printf("{\"line\":%u,", r->line);
    json_member("destination", r->destination);
    putchar('}');
}

static void json_options(const struct explanation *e)
{
    const char *comma = "";

    printf("\"options\":{");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        unsigned line;
        const char *from;

        if (!explain_applies(e, row))
            continue;
        from = origin(e, row, &line);
        printf("%s", comma);
        comma = ",";
        cli_json_string(stdout, row->name);
        printf(":{");
        json_member("value", value(e, row));
        putchar(',');
        json_member("from", from);
        line ? printf(",\"line\":%u}", line) : printf(",\"line\":null}");
    }
    putchar('}');
}

void explain_print_json(const struct explanation *e)
{
    const struct policy_verdict *v = &e->verdict;
    char address[POLICY_ADDRESS_TEXT];

    putchar('{');
    json_member("url", e->text);
    putchar(',');
    json_member("host", e->url.host);
    putchar(',');
    json_member("address", e->has_address ? policy_format_address(&e->url.address, address) : NULL);
    printf(",\"port\":%u,\"policy\":{", e->url.port);
    json_member("origin", policy_origin(e->policy));
    putchar(',');
    json_member("sha256", policy_digest(e->policy));
    printf("},\"rule\":");
    json_rule(v->rule);
    putchar(',');
    json_member("level", policy_level_name(v->level));
    printf(",\"check_chain\":%s,\"check_pins\":%s,\"pinned\":[", v->check_chain ? "true" : "false",
           v->check_pins ? "true" : "false");
    for (size_t i = 0; i < v->n_pinned; i++) {
        printf("%s", i ? "," : "");
        json_rule(v->pinned[i]);
    }
    printf("],");
    json_options(e);
    putchar(',');
    json_member("outcome", e->outcome);
    printf("}\n");
}
