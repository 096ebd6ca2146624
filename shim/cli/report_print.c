/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "shim/cli/report.h"

#define SHOWN_MAX 5U /* programs in a line of text */

typedef unsigned long long big;

/* ---- text ---- */

void report_print(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c < 0x7f)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
}

void report_print_destination(const struct tally_destination *d)
{
    bool brackets = strchr(d->host, ':') != NULL;

    printf("%s", brackets ? "[" : "");
    report_print(d->host);
    printf("%s:%u", brackets ? "]" : "", d->port);
}

static void print_counts(const struct tally_destination *d)
{
    static const char *const names[] = {"upgraded", "allowed-plain", "blocked", "bypass"};
    const uint64_t counts[] = {d->upgraded, d->plain, d->blocked, d->bypass};
    const char *between = "  ";

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i]) {
            printf("%s%s %llu", between, names[i], (big)counts[i]);
            between = ", ";
        }
    if (d->would)
        printf("%swould be blocked %llu", between, (big)d->would);
    if (d->truncated)
        printf("%scut short %llu", between, (big)d->truncated);
    putchar('\n');
}

static void print_programs(const struct tally_destination *d)
{
    for (size_t i = 0; i < d->programs.n && i < SHOWN_MAX; i++) {
        printf("%s", i ? ", " : "  by ");
        report_print(d->programs.list[i].word);
        printf(" %llu", (big)d->programs.list[i].n);
    }
    if (d->programs.n > SHOWN_MAX)
        printf(" and %zu more", d->programs.n - SHOWN_MAX);
    if (d->programs.n)
        putchar('\n');
}

static void print_destination(const struct tally_destination *d)
{
    printf("http://");
    report_print_destination(d);
    printf("  %llu connection%s, %s to %s\n", (big)d->n, d->n == 1 ? "" : "s", d->first, d->last);
    print_counts(d);
    for (size_t i = 0; i < d->results.n; i++) {
        const struct tally_word *r = &d->results.list[i];

        if (strcmp(r->word, "success") == 0)
            continue;
        printf("  ");
        report_print(r->word);
        printf(" %llu", (big)r->n);
        if (r->note) {
            printf(": ");
            report_print(r->note);
        }
        putchar('\n');
    }
    print_programs(d);
    if (d->rule[0]) {
        printf("  last under ");
        report_print(d->rule);
        printf(" (");
        report_print(d->level);
        printf(", ");
        report_print(d->mode);
        printf(")\n");
    }
}

void report_text(const struct tally *t)
{
    big n = 0, would = 0, blocked = 0, unlisted = 0, destinations = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct tally_destination *d = t->list[i];

        n += d->n;
        would += d->would;
        blocked += d->blocked;
        unlisted += d->unlisted;
        destinations += d->n > 0;
        if (d->n)
            print_destination(d);
    }
    printf("%s%llu connection%s to %llu destination%s: %llu blocked, %llu would be\n", n ? "\n" : "", n,
           n == 1 ? "" : "s", destinations, destinations == 1 ? "" : "s", blocked, would);
    if (unlisted)
        printf("%llu connection%s like HTTP on a port without a rule\n", unlisted,
               unlisted == 1 ? " looks" : "s look");
    if (t->damaged)
        printf("%llu damaged line%s left out\n", (big)t->damaged, t->damaged == 1 ? " was" : "s were");
    if (t->lost)
        printf("%llu record%s lost before they reached the log\n", (big)t->lost,
               t->lost == 1 ? " was" : "s were");
    if (t->others)
        printf("%llu line%s no records\n", (big)t->others, t->others == 1 ? " is" : "s are");
}

/* ---- JSON ---- */

static void json_text(const char *name, const char *value)
{
    cli_json_string(stdout, name);
    putchar(':');
    if (*value)
        cli_json_string(stdout, value);
    else
        printf("null");
}

static void json_words(const char *name, const struct tally_words *w, bool notes)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < w->n; i++) {
        printf("%s{", i ? "," : "");
        json_text("value", w->list[i].word);
        printf(",\"count\":%llu", (big)w->list[i].n);
        if (notes) {
            putchar(',');
            json_text("reason", w->list[i].note ? w->list[i].note : "");
        }
        putchar('}');
    }
    putchar(']');
}

static void json_destination(const struct tally_destination *d)
{
    putchar('{');
    json_text("host", d->host);
    printf(",\"port\":%u,\"connections\":%llu,\"upgraded\":%llu,\"allowed_plain\":%llu,\"blocked\":%llu,"
           "\"bypass\":%llu,\"unlisted\":%llu,\"would_block\":%llu,\"proven\":%llu,\"truncated\":%llu,"
           "\"bytes_in\":%llu,"
           "\"bytes_out\":%llu,",
           d->port, (big)d->n, (big)d->upgraded, (big)d->plain, (big)d->blocked, (big)d->bypass,
           (big)d->unlisted, (big)d->would, (big)d->proven, (big)d->truncated, (big)d->bytes_in,
           (big)d->bytes_out);
    json_text("first", d->first);
    putchar(',');
    json_text("last", d->last);
    putchar(',');
    json_text("rule", d->rule);
    putchar(',');
    json_text("level", d->level);
    putchar(',');
    json_text("mode", d->mode);
    json_words("results", &d->results, true);
    json_words("programs", &d->programs, false);
    json_words("addresses", &d->addresses, false);
    json_words("tls_versions", &d->versions, false);
    json_words("peer_spki_sha256", &d->keys, false);
    putchar('}');
}

void report_json(const struct tally *t)
{
    bool first = true;
    big unlisted = 0;

    for (size_t i = 0; i < t->n; i++)
        unlisted += t->list[i]->unlisted;
    printf("{\"records\":%llu,\"damaged\":%llu,\"others\":%llu,\"lost\":%llu,\"unlisted\":%llu,"
           "\"destinations\":[",
           (big)t->records, (big)t->damaged, (big)t->others, (big)t->lost, unlisted);
    for (size_t i = 0; i < t->n; i++) {
        if (!t->list[i]->n)
            continue;
        printf("%s", first ? "" : ",");
        json_destination(t->list[i]);
        first = false;
    }
    printf("]}\n");
}

/* ---- Prometheus ---- */

/* A label's value: backslash, quote and newline are escaped; our texts are printable otherwise. */
static void label(const char *name, const char *value)
{
    printf("%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            putchar('\\');
        if (*value == '\n')
            printf("\\n");
        else if ((unsigned char)*value >= 0x20 && (unsigned char)*value < 0x7f)
            putchar(*value);
        else
            putchar('?');
    }
    putchar('"');
}

static void begin_metric(const char *name, const char *type, const char *help)
{
    printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void sample(const char *metric, const struct tally_destination *d, const char *key, const char *value,
                   big n)
{
    char destination[320];
    bool brackets = strchr(d->host, ':') != NULL;

    snprintf(destination, sizeof(destination), "%s%s%s:%u", brackets ? "[" : "", d->host, brackets ? "]" : "",
             d->port);
    printf("%s{", metric);
    label("destination", destination);
    if (key) {
        putchar(',');
        label(key, value);
    }
    printf("} %llu\n", n);
}

static void print_actions(const struct tally_destination *d)
{
    static const char metric[] = "tlsup_connections_total";

    sample(metric, d, "action", "upgraded", d->upgraded);
    sample(metric, d, "action", "allowed-plain", d->plain);
    sample(metric, d, "action", "blocked", d->blocked);
    sample(metric, d, "action", "bypass", d->bypass);
}

static void print_results(const struct tally_destination *d)
{
    for (size_t i = 0; i < d->results.n; i++)
        sample("tlsup_results_total", d, "result_type", d->results.list[i].word, d->results.list[i].n);
}

static void print_would(const struct tally_destination *d)
{
    sample("tlsup_would_block_total", d, NULL, "", d->would);
}

static void print_last(const struct tally_destination *d)
{
    sample("tlsup_last_seen_timestamp_seconds", d, NULL, "", (big)seen_seconds(d->last));
}

void report_prometheus(const struct tally *t)
{
    static const struct {
        const char *name, *type, *help;
        void (*print)(const struct tally_destination *d);
    } metrics[] = {
        {"tlsup_connections_total", "counter", "Connections by destination and what became of them.",
         print_actions},
        {"tlsup_results_total", "counter", "Connections by destination and result.", print_results},
        {"tlsup_would_block_total", "counter", "Connections that enforcing would have blocked.", print_would},
        {"tlsup_last_seen_timestamp_seconds", "gauge", "Time of the last connection.", print_last},
    };

    for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
        begin_metric(metrics[m].name, metrics[m].type, metrics[m].help);
        for (size_t i = 0; i < t->n; i++)
            if (t->list[i]->n)
                metrics[m].print(t->list[i]);
    }
    begin_metric("tlsup_records_total", "counter", "Records that were read.");
    printf("tlsup_records_total %llu\n", (big)t->records);
    begin_metric("tlsup_records_damaged_total", "counter", "Lines that were no whole record.");
    printf("tlsup_records_damaged_total %llu\n", (big)t->damaged);
    begin_metric("tlsup_records_lost_total", "counter", "Records that did not reach the log.");
    printf("tlsup_records_lost_total %llu\n", (big)t->lost);
}
