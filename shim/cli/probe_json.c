/* SPDX-License-Identifier: MIT */
/* For programs. tlsup(1) lists the members; they stay, more may come. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "policy/base64.h"
#include "shim/cli/probe.h"

static void member(const char *name, const char *text)
{
    cli_json_string(stdout, name);
    putchar(':');
    if (text && *text)
        cli_json_string(stdout, text);
    else
        printf("null");
}

static void number(const char *name, long n)
{
    printf("\"%s\":%ld", name, n);
}

/* 0 is none */
static void count(const char *name, unsigned n)
{
    n ? printf("\"%s\":%u", name, n) : printf("\"%s\":null", name);
}

static void boolean(const char *name, bool value)
{
    printf("\"%s\":%s", name, value ? "true" : "false");
}

static void error_member(int error)
{
    member("errno", error ? strerrorname_np(error) : NULL);
}

static void date(const char *name, int64_t seconds) /* RFC 3339 */
{
    char text[32] = "";
    time_t t = (time_t)seconds;
    struct tm tm;

    if (seconds && gmtime_r(&t, &tm))
        strftime(text, sizeof(text), "%FT%TZ", &tm);
    member(name, text);
}

static const char *address_text(const struct probe_address *to, char out[POLICY_ADDRESS_TEXT])
{
    return policy_format_address(&to->address, out);
}

/* ---- who answered ---- */

static void certificate(const struct tls_certificate *c)
{
    struct policy_pin pin;
    char base64[BASE64_PIN_CHARS + 1], text[sizeof("sha256//") + BASE64_PIN_CHARS];
    const char *name = c->names;

    memcpy(pin.sha256, c->spki, sizeof(pin.sha256));
    base64_write_pin(&pin, base64);
    snprintf(text, sizeof(text), "sha256//%s", base64);
    putchar('{');
    member("subject", c->subject);
    putchar(',');
    member("issuer", c->issuer);
    printf(",\"names\":[");
    for (size_t i = 0; i < c->n_names; i++, name += strlen(name) + 1) {
        printf("%s", i ? "," : "");
        cli_json_string(stdout, name);
    }
    printf("],");
    number("names_left_out", (long)c->n_more);
    putchar(',');
    date("not_before", c->not_before);
    putchar(',');
    date("not_after", c->not_after);
    putchar(',');
    number("days_left", probe_days(c->not_after));
    putchar(',');
    member("key", c->key);
    putchar(',');
    member("signature", c->signature);
    putchar(',');
    member("pin", text);
    printf(",\"sha256\":\"");
    for (size_t i = 0; i < sizeof(c->sha256); i++)
        printf("%02x", c->sha256[i]);
    printf("\"}");
}

static void stores(const struct probe *p, const struct probe_attempt *a)
{
    printf("\"trust\":[");
    for (size_t i = 0; a->n_chain && i < p->n_stores; i++) {
        struct tls_peer anybody = {0};
        struct tls_error found;

        probe_judge(p, a, &p->stores[i], false, &anybody, &found);
        printf("%s{", i ? "," : "");
        member("ca", p->stores[i].ca);
        putchar(',');
        boolean("trusted", found.failure == TLS_FAIL_NONE);
        putchar(',');
        member("reason", found.text);
        putchar('}');
    }
    printf("]");
}

static void session(const struct probe *p, const struct probe_attempt *a)
{
    if (*a->info.version) {
        printf("\"tls\":{");
        member("version", a->info.version);
        putchar(',');
        member("cipher", a->info.cipher);
        putchar(',');
        member("group", a->info.group);
        putchar(',');
        member("alpn", a->info.alpn);
        printf("},");
    } else {
        printf("\"tls\":null,");
    }
    printf("\"chain\":[");
    for (size_t i = 0; i < a->n_chain && i < PROBE_CHAIN; i++) {
        printf("%s", i ? "," : "");
        certificate(&a->chain[i]);
    }
    printf("],");
    boolean("client_certificate", a->shows_cert);
    putchar(',');
    number("chain_length", (long)a->n_chain);
    putchar(',');
    if (a->n_chain)
        boolean("name_fits", p->engine->fits(a->tls, probe_identity(p)));
    else
        member("name_fits", NULL);
    putchar(',');
    stores(p, a);
}

/* ---- the rest ---- */

static void attempt(const struct probe *p, const struct probe_attempt *a)
{
    char text[POLICY_ADDRESS_TEXT];

    putchar('{');
    member("strategy", policy_strategy_name(a->strategy));
    putchar(',');
    member("result", probe_result_words[a->result]);
    putchar(',');
    member("reason", a->reason);
    putchar(',');
    count("port", a->port);
    printf(",\"dials\":[");
    for (size_t i = 0; i < a->n_dials; i++) {
        printf("%s{", i ? "," : "");
        member("address", address_text(a->dials[i].to, text));
        putchar(',');
        error_member(a->dials[i].error);
        putchar('}');
    }
    printf("],");
    count("status", a->status);
    putchar(',');
    count("answer_inside", a->answer);
    putchar(',');
    number("ms", (long)a->ms);
    putchar(',');
    session(p, a);
    putchar('}');
}

static void policy(const struct probe *p)
{
    const struct policy_rule *r = p->verdict.rule;

    printf("\"policy\":{");
    member("origin", policy_origin(p->policy));
    putchar(',');
    member("sha256", policy_digest(p->policy));
    printf("},\"rule\":");
    if (r) {
        printf("{\"line\":%u,", r->line);
        member("destination", r->destination);
        putchar(',');
        member("mode", policy_mode_name(r->mode));
        putchar('}');
    } else {
        printf("null");
    }
    putchar(',');
    member("level", policy_level_name(p->verdict.level));
}

static void levels(const struct probe *p)
{
    printf("\"levels\":[");
    for (unsigned level = LEVEL_NONE; level <= LEVEL_REJECT; level++) {
        const struct probe_level *l = &p->levels[level];

        printf("%s{", level ? "," : "");
        member("level", policy_level_name((enum policy_level)level));
        putchar(',');
        member("action", probe_action_words[l->action]);
        putchar(',');
        member("strategy", l->action == PROBE_TLS ? policy_strategy_name(l->by->strategy) : NULL);
        putchar(',');
        error_member(l->error);
        putchar(',');
        member("reason", l->reason);
        putchar('}');
    }
    printf("]");
}

/* The lines that fit best, as strings without their ends. */
static void lines(struct probe *p)
{
    const char *comma = "";

    printf("\"fits_best\":{");
    member("level", *p->lines ? policy_level_name(p->best) : NULL);
    printf(",\"lines\":[");
    for (char *line = p->lines, *end; (end = strchr(line, '\n')); line = end + 1) {
        printf("%s", comma);
        comma = ",";
        *end = '\0';
        cli_json_string(stdout, line);
    }
    printf("]}");
}

void probe_print_json(struct probe *p)
{
    char text[POLICY_ADDRESS_TEXT];

    putchar('{');
    member("url", p->text);
    putchar(',');
    member("host", p->url.host);
    putchar(',');
    count("port", p->url.port);
    printf(",\"addresses\":[");
    for (size_t i = 0; i < p->n_addresses; i++) {
        printf("%s", i ? "," : "");
        cli_json_string(stdout, address_text(&p->addresses[i], text));
    }
    printf("],");
    policy(p);
    printf(",\"strategies\":[");
    for (size_t i = 0; i < p->n_attempts; i++) {
        printf("%s", i ? "," : "");
        attempt(p, &p->attempts[i]);
    }
    printf("],");
    levels(p);
    putchar(',');
    lines(p);
    printf("}\n");
}
