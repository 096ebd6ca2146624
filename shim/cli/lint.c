/* SPDX-License-Identifier: MIT */
#include "shim/cli/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/open.h"
#include "policy/rule.h"

/* ---- a weaker line that comes first ---- */

static unsigned strictness(const struct policy_line *l)
{
    /* fingerprint and verify are equally strict */
    return l->rule.level == LEVEL_FINGERPRINT ? LEVEL_VERIFY : l->rule.level;
}

/* A port that both list, where `early` does not list all of `late`'s; -1: none, or all. */
static int port_taken(const struct pattern *early, const struct pattern *late)
{
    if (pattern_covers_ports(early, late))
        return -1;
    for (size_t i = 0; i < early->n_ports; i++)
        if (pattern_has_port(late, early->ports[i]))
            return early->ports[i];
    return -1;
}

static void compare(const struct policy_line *early, const struct policy_line *late,
                    struct policy_diagnostics *diag)
{
    const struct diag_place at = {late->rule.line, late->column};
    char line[TEXT_UINT_MAX], number[TEXT_UINT_MAX];
    const char *weak = policy_level_name(early->rule.level), *strict = policy_level_name(late->rule.level);
    int port;

    if (strictness(early) >= strictness(late) || !pattern_covers(&early->pattern, &late->pattern))
        return;
    text_uint(line, early->rule.line);
    port = port_taken(&early->pattern, &late->pattern);
    if (port >= 0)
        diag_warning(diag, at, "on port ", text_uint(number, (uint64_t)port), " line ", line,
                     " decides, which is weaker: ", weak, ", not ", strict);
    else if (pattern_covers_ports(&early->pattern, &late->pattern))
        diag_warning(diag, at, "line ", line, " decides in its place, which is weaker: ", weak, ", not ",
                     strict, "; put the stricter line first");
}

static void look_for_shadows(const struct policy *p, struct policy_diagnostics *diag)
{
    for (size_t late = 0; late < p->n_lines; late++)
        for (size_t early = 0; early < late; early++)
            compare(&p->lines[early], &p->lines[late], diag);
}

/* ---- may, towards the Internet ---- */

static bool is_inside(const struct pattern *p, const char *address, unsigned bits)
{
    struct policy_address a;

    if (p->bits < bits || !policy_parse_address(address, &a))
        return false;
    for (unsigned bit = 0; bit < bits; bit++)
        if ((a.bytes[bit / 8] ^ p->address.bytes[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static bool is_private(const struct pattern *p)
{
    static const struct {
        const char *address;
        unsigned bits;
    } ranges[] = {
        {"10.0.0.0", 96 + 8},  {"172.16.0.0", 96 + 12},  {"192.168.0.0", 96 + 16},
        {"127.0.0.0", 96 + 8}, {"169.254.0.0", 96 + 16}, {"100.64.0.0", 96 + 10},
        {"fc00::", 7},         {"fe80::", 10},           {"::1", 128},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (is_inside(p, ranges[i].address, ranges[i].bits))
            return true;
    return false;
}

static void look_for_public_may(const struct policy *p, struct policy_diagnostics *diag)
{
    for (size_t i = 0; i < p->n_lines; i++) {
        const struct policy_line *l = &p->lines[i];
        const struct diag_place at = {l->rule.line, l->column};
        char quoted[TEXT_QUOTE_MAX];

        if (l->rule.level == LEVEL_MAY && l->pattern.kind == PATTERN_ADDRESS && !is_private(&l->pattern))
            diag_warning(diag, at, "may for public addresses, ", text_quote(quoted, l->rule.destination),
                         ": whoever is on the way can switch TLS off; verify or fingerprint cannot be");
    }
}

/* ---- files ---- */

static const struct file_option {
    const char *name, *marker, *lacks;
    enum open_kind kind;
} file_options[] = {
    {"ca=", "CERTIFICATE-----", "holds no certificate: no connection can be trusted by it", OPEN_PUBLIC},
    {"crl=", "-----BEGIN X509 CRL-----", "holds no revocation list", OPEN_PUBLIC},
    {"cert=", "CERTIFICATE-----", "holds no certificate", OPEN_PUBLIC},
    {"key=", "PRIVATE KEY-----", "holds no private key", OPEN_SECRET},
};

#define WHY_BYTES 512

/* The file as a connection would read it; NULL: `why` tells, unless it is a key that is a service's own and
 * we are somebody else. The caller frees it. */
static char *read_file(const char *path, enum open_kind kind, size_t *len, char why[WHY_BYTES])
{
    struct open_file file;
    char *text = NULL;
    enum open_result result = open_trusted(path, kind, why, WHY_BYTES, &file);

    if (result == OPEN_DENIED && kind == OPEN_SECRET)
        why[0] = '\0';
    for (char *c = why; *c; c++)
        *c = (char)(*c < ' ' || *c > '~' ? '?' : *c); /* a path may hold anything */
    if (result != OPEN_DONE)
        return NULL;
    text = malloc(file.size + 1);
    if (text && !open_contents(&file, path, text, why, WHY_BYTES)) {
        free(text);
        text = NULL;
    }
    close(file.fd);
    *len = file.size;
    return text;
}

static void look_into_file(const struct file_option *o, const struct lex_word *w,
                           struct policy_diagnostics *diag)
{
    const char *path = w->text + strlen(o->name);
    const struct diag_place at = lex_place(w, strlen(o->name));
    char quoted[TEXT_QUOTE_MAX], why[WHY_BYTES] = "out of memory";
    size_t len = 0;
    char *text = read_file(path, o->kind, &len, why);

    if (!text && *why)
        diag_warning(diag, at, why, ": connections by this rule are refused");
    else if (text && !len)
        diag_warning(diag, at, text_quote(quoted, path), " is empty");
    else if (text && !memmem(text, len, o->marker, strlen(o->marker)))
        diag_warning(diag, at, text_quote(quoted, path), " ", o->lacks);
    free(text);
}

static void look_at_word(const struct lex_word *w, struct policy_diagnostics *diag)
{
    for (size_t i = 0; i < sizeof(file_options) / sizeof(file_options[0]); i++)
        if (strncmp(w->text, file_options[i].name, strlen(file_options[i].name)) == 0)
            look_into_file(&file_options[i], w, diag);
}

static void look_at_files(const char *path, struct policy_diagnostics *diag)
{
    char why[WHY_BYTES];
    size_t len = 0;
    char *text = read_file(path, OPEN_POLICY, &len, why);
    struct lex lex;
    struct lex_word w;

    if (!text)
        return;
    lex_begin(&lex, text, len);
    while (lex_next(&lex, &w))
        if (!w.starts_rule)
            look_at_word(&w, diag);
    free(text);
}

/* ---- all ---- */

static int by_place(const void *a, const void *b)
{
    const struct policy_diagnostic *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

void lint(const struct policy *p, const char *path, struct policy_diagnostics *diag)
{
    look_for_shadows(p, diag);
    look_for_public_may(p, diag);
    if (path)
        look_at_files(path, diag);
    if (diag->n_warnings)
        qsort(diag->warnings,
              diag->n_warnings < POLICY_MAX_DIAGNOSTICS ? diag->n_warnings : POLICY_MAX_DIAGNOSTICS,
              sizeof(diag->warnings[0]), by_place);
}
