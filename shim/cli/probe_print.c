/* SPDX-License-Identifier: MIT */
/* For people. What the network said was made printable where it came in. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "policy/base64.h"
#include "shim/cli/probe.h"

#define DAY         86400
#define NAMES_SHOWN 20U

const char *const probe_result_words[] = {
    [PROBE_WORKS] = "works",   [PROBE_REFUSED] = "refused",         [PROBE_TAMPERED] = "tampered",
    [PROBE_SILENT] = "silent", [PROBE_UNREACHABLE] = "unreachable", [PROBE_FAILED] = "failed",
};

const char *const probe_action_words[] = {
    [PROBE_TLS] = "tls",
    [PROBE_PLAIN] = "plain",
    [PROBE_NOT] = "refused",
    [PROBE_NO_SERVER] = "unreachable",
    [PROBE_INCOMPLETE] = "incomplete",
};

long probe_days(int64_t seconds)
{
    int64_t left = seconds - time(NULL);

    return (long)(left / DAY - (left % DAY < 0));
}

/* "  NAME           TEXT" */
__attribute__((format(printf, 2, 3))) static void row(const char *name, const char *format, ...)
{
    va_list args;

    printf("  %-14s ", name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static const char *plural(long n)
{
    return n == 1 ? "" : "s";
}

/* ---- the certificate ---- */

static void print_names(const struct tls_certificate *c)
{
    const char *name = c->names;
    size_t shown = c->n_names < NAMES_SHOWN ? c->n_names : NAMES_SHOWN, more = c->n_names - shown + c->n_more;

    printf("  %-14s ", "names");
    for (size_t i = 0; i < shown; i++, name += strlen(name) + 1)
        printf("%s%s", i ? ", " : "", name);
    if (more)
        printf(" and %zu more", more);
    puts(shown || more ? "" : "none that names a host");
}

static void print_dates(const struct tls_certificate *c)
{
    char from[16] = "?", to[16] = "?";
    time_t t = (time_t)c->not_before;
    struct tm tm;
    long days = probe_days(c->not_after);

    if (gmtime_r(&t, &tm))
        strftime(from, sizeof(from), "%F", &tm);
    t = (time_t)c->not_after;
    if (gmtime_r(&t, &tm))
        strftime(to, sizeof(to), "%F", &tm);
    if (c->not_before > time(NULL))
        row("valid", "%s to %s, not valid yet", from, to);
    else if (days < 0)
        row("valid", "%s to %s, expired %ld day%s ago", from, to, -days - 1, plural(-days - 1));
    else
        row("valid", "%s to %s, expires in %ld day%s", from, to, days, plural(days));
}

static void print_stores(const struct probe *p, const struct probe_attempt *a)
{
    for (size_t i = 0; i < p->n_stores; i++) {
        struct tls_peer anybody = {0};
        struct tls_error found;

        probe_judge(p, a, &p->stores[i], false, &anybody, &found);
        row(i ? "" : "trusted", "%s %s%s%s", found.failure == TLS_FAIL_NONE ? "yes, by" : "no, by",
            p->stores[i].ca ? p->stores[i].ca : "the system's authorities",
            found.failure == TLS_FAIL_NONE ? "" : ": ", found.failure == TLS_FAIL_NONE ? "" : found.text);
    }
}

static void print_certificate(const struct probe *p, const struct probe_attempt *a)
{
    const struct tls_certificate *leaf = &a->chain[0];
    size_t shown = a->n_chain < PROBE_CHAIN ? a->n_chain : PROBE_CHAIN;
    struct policy_pin pin;
    char base64[BASE64_PIN_CHARS + 1];

    memcpy(pin.sha256, leaf->spki, sizeof(pin.sha256));
    base64_write_pin(&pin, base64);
    row("certificate", "%s", leaf->subject);
    print_names(leaf);
    row("name fits", "%s, asked for %s", p->engine->fits(a->tls, probe_identity(p)) ? "yes" : "no",
        probe_identity(p));
    print_dates(leaf);
    row("key", "%s, signed with %s", leaf->key, leaf->signature);
    row("pin", "pin=sha256//%s", base64);
    print_stores(p, a);
    row("issued by", "%s", leaf->self_issued ? "itself" : leaf->issuer);
    for (size_t i = 1; i < shown; i++)
        row(i == 1 ? "sent with it" : "", "%s", a->chain[i].subject);
    if (shown < a->n_chain)
        row("", "and %zu more", a->n_chain - shown);
}

/* ---- the strategies ---- */

static const char *address_text(const struct probe_address *to, char out[POLICY_ADDRESS_TEXT + 2])
{
    char text[POLICY_ADDRESS_TEXT];

    policy_format_address(&to->address, text);
    snprintf(out, POLICY_ADDRESS_TEXT + 2, strchr(text, ':') ? "[%s]" : "%s", text);
    return out;
}

static void print_dials(const struct probe_attempt *a)
{
    char text[POLICY_ADDRESS_TEXT + 2];

    for (size_t i = 0; i < a->n_dials; i++)
        row(i ? "" : "dialled", "%s:%u: %s", address_text(a->dials[i].to, text), a->port,
            a->dials[i].error ? strerror(a->dials[i].error) : "connected");
}

/* The same certificate as of an attempt before. */
static const struct probe_attempt *same_before(const struct probe *p, const struct probe_attempt *a)
{
    for (const struct probe_attempt *b = p->attempts; b < a; b++)
        if (b->n_chain && memcmp(b->chain[0].sha256, a->chain[0].sha256, sizeof(a->chain[0].sha256)) == 0)
            return b;
    return NULL;
}

static void print_attempt(const struct probe *p, const struct probe_attempt *a)
{
    printf("\n%s: %s%s%s (%u ms)\n", policy_strategy_name(a->strategy), probe_result_words[a->result],
           *a->reason ? ": " : "", a->reason, a->ms);
    print_dials(a);
    if (a->status)
        row("answer", "%u", a->status);
    if (*a->info.version)
        row("TLS", "%s, %s, %s, %s%s", a->info.version, a->info.cipher, a->info.group,
            *a->info.alpn ? "ALPN " : "no ALPN", a->info.alpn);
    if (p->rule.cert && *a->info.version)
        row("our identity", a->shows_cert ? "was shown if it was asked for" : "was not shown");
    if (a->answer)
        row("answer inside", "%u", a->answer);
    else if (*a->info.version)
        row("answer inside", "none");
    if (!a->n_chain)
        return;
    if (same_before(p, a))
        row("certificate", "the same as by %s", policy_strategy_name(same_before(p, a)->strategy));
    else
        print_certificate(p, a);
}

/* ---- the policy ---- */

static const char *level_text(const struct probe_level *l)
{
    switch (l->action) {
    case PROBE_TLS: return policy_strategy_name(l->by->strategy);
    case PROBE_PLAIN: return "plain HTTP";
    default: return probe_action_words[l->action];
    }
}

static void print_rule(const struct probe *p)
{
    const struct policy_rule *r = p->verdict.rule;
    char line[16] = "";

    if (r && r->line)
        snprintf(line, sizeof(line), ":%u", r->line);
    if (r)
        printf("\npolicy: %s%s (%s) says %s; with its options%s each level would give\n",
               policy_origin(p->policy), line, r->destination, policy_level_name(p->verdict.level),
               r->mode == MODE_TESTING ? ", enforced," : "");
    else
        printf("\npolicy: no rule of it is about this (%s); without options each level would give\n",
               policy_origin(p->policy));
}

static void print_levels(const struct probe *p)
{
    const struct policy_rule *r = p->verdict.rule;

    print_rule(p);
    for (unsigned level = LEVEL_NONE; level <= LEVEL_REJECT; level++) {
        const struct probe_level *l = &p->levels[level];
        const char *error = l->error ? strerrorname_np(l->error) : NULL;

        printf("%c %-14s %s%s%s%s%s\n", r && level == p->verdict.level ? '*' : ' ',
               policy_level_name((enum policy_level)level), level_text(l), error ? ", " : "",
               error ? error : "", *l->reason ? ": " : "", l->reason);
    }
}

static void print_lines(const struct probe *p)
{
    if (!*p->lines)
        printf("\nno line of a policy would make a connection\n");
    else if (p->best == LEVEL_MAY)
        printf("\nfits best, in plain HTTP as things are:\n%s", p->lines);
    else if (p->best == LEVEL_FINGERPRINT)
        printf("\nfits best, if this is the server's own key:\n%s", p->lines);
    else
        printf("\nfits best:\n%s", p->lines);
}

void probe_print_text(const struct probe *p)
{
    bool v6 = p->url.is_address && strchr(p->url.host, ':');

    printf("http://%s%s%s:%u\n", v6 ? "[" : "", p->url.host, v6 ? "]" : "", p->url.port);
    for (size_t i = 0; i < p->n_attempts; i++)
        print_attempt(p, &p->attempts[i]);
    print_levels(p);
    print_lines(p);
}
