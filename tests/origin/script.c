/* SPDX-License-Identifier: MIT */
#include "tests/origin/script.h"

#include "tests/origin/cert.h"
#include "tests/origin/verbs.h"
#include "tests/origin/words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum port { ANY_PORT, PLAIN_PORT, TLS_PORT };

/* the steps for some connections */
struct block {
    enum port port;
    uint32_t address, mask; /* of the address that the peer dialled; no bits: any */
    unsigned long from, to; /* connection numbers, both included */
    struct step *steps, **end;
    struct block *next;
};

struct script {
    struct block *blocks, **end;
    bool selected; /* there is an "on" or "else" */
};

/* where the reading is */
struct reader {
    const char *path, *dir;
    int line;
    bool reuse;
    struct script *script;
    char *err;
    size_t err_size;
};

__attribute__((format(printf, 2, 3))) static bool bad(struct reader *r, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(r->err, r->err_size, "%s:%d: ", r->path, r->line);

    va_start(ap, fmt);
    if (n >= 0 && (size_t)n < r->err_size)
        vsnprintf(r->err + n, r->err_size - (size_t)n, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- what a step takes ---- */

static bool to_number(const struct word *w, long *out)
{
    char *end;

    *out = strtol(w->text, &end, 10);
    return !w->quoted && end != w->text && *end == '\0' && *out >= 0 && *out <= 1L << 30;
}

static bool take_strings(struct reader *r, struct step *s, const struct words *w, size_t *at)
{
    size_t first = *at;

    for (; *at < w->n && w->word[*at].quoted; ++*at) {
        unsigned char *grown = realloc(s->text, s->len + w->word[*at].len + 1);
        if (!grown)
            return bad(r, "no memory");
        s->text = grown;
        memcpy(s->text + s->len, w->word[*at].text, w->word[*at].len);
        s->len += w->word[*at].len;
    }
    return *at > first || bad(r, "%s takes a \"string\"", s->verb->name);
}

static bool take_tls(struct reader *r, struct step *s, struct words *w, size_t *at)
{
    char why[256];

    for (; *at < w->n; ++*at) {
        char *key = w->word[*at].text, *value = strchr(key, '=');
        if (value)
            *value++ = '\0';
        if (w->word[*at].quoted || !tls_option(&s->tls, key, value))
            return bad(r, "'%s' is no option of tls, or has no fitting value; see --help", key);
    }
    s->ctx = tls_context(r->dir, &s->tls, why, sizeof(why));
    return s->ctx || bad(r, "%s: %s", s->tls.cert[0] ? s->tls.cert : "good", why);
}

/* One letter of verb->takes; *at is the next word. */
static bool take(struct reader *r, char letter, struct step *s, struct words *w, size_t *at)
{
    const struct word *next = *at < w->n ? &w->word[*at] : NULL;
    bool took = false;

    switch (letter) {
    case 'n':
    case 'N': took = next && to_number(next, &s->number); break;
    case 'c':
        took = next && to_number(next, &s->number);
        if (next && !took && strcmp(next->text, "forever") == 0) {
            s->number = FOREVER;
            took = true;
        }
        break;
    case 'p': took = next && (strcmp(next->text, "tls") == 0 || to_number(next, &s->number)); break;
    case 'e':
        if (next && strncmp(next->text, "every=", 6) == 0) {
            char *end;
            s->every = strtol(next->text + 6, &end, 10);
            took = *end == '\0' && s->every >= 0;
        }
        break;
    case 'u': took = s->flag = next && strcmp(next->text, "no-upgrade") == 0; break;
    case 's': return take_strings(r, s, w, at);
    default: return take_tls(r, s, w, at);
    }
    *at += took;
    if (took || strchr("Neu", letter))
        return true;
    return bad(r,
               letter == 'c'   ? "%s takes a count or 'forever'"
               : letter == 'p' ? "%s takes a port or 'tls'"
                               : "%s takes a number",
               s->verb->name);
}

/* ---- lines ---- */

static struct block *add_block(struct script *script, struct block what)
{
    struct block *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    *b = what;
    b->end = &b->steps;
    *script->end = b;
    script->end = &b->next;
    return b;
}

static const struct block everything = {.from = 1, .to = ~0UL};

static struct block *last_block(struct script *script)
{
    struct block *b = script->blocks;

    while (b && b->next)
        b = b->next;
    return b;
}

/* "N", "N-M" or "N-" */
static bool read_range(const char *p, unsigned long *from, unsigned long *to)
{
    char *end;

    *from = *to = strtoul(p, &end, 10);
    if (end == p)
        return false;
    if (*end == '-') {
        *to = ~0UL;
        if (*++end)
            *to = strtoul(end, &end, 10);
    }
    return *end == '\0' && *from >= 1 && *to >= *from;
}

/* "A.B.C.D" or "A.B.C.D/BITS"; false if it is neither */
static bool read_address(const char *word, size_t len, struct block *b)
{
    char text[32], *bits;
    struct in_addr in;
    unsigned long n = 32;

    snprintf(text, sizeof(text), "%.*s", (int)len, word);
    bits = strchr(text, '/');
    if (bits) {
        *bits++ = '\0';
        n = strtoul(bits, &bits, 10);
    }
    if (n < 1 || n > 32 || (bits && *bits) || inet_pton(AF_INET, text, &in) != 1)
        return false;
    b->mask = ~0U << (32 - n);
    b->address = ntohl(in.s_addr) & b->mask;
    return true;
}

/* "[plain|tls] [ADDRESS[/BITS]] [N|N-M|N-]" */
static bool read_on(struct reader *r, const char *p)
{
    struct block b = {.from = 1, .to = ~0UL};

    if (strncmp(p, "plain", 5) == 0) {
        b.port = PLAIN_PORT;
        p += 5;
    } else if (strncmp(p, "tls", 3) == 0) {
        b.port = TLS_PORT;
        p += 3;
    }
    p += strspn(p, " ");
    if (read_address(p, strcspn(p, " "), &b)) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    if ((*p || (b.port == ANY_PORT && !b.mask)) && !read_range(p, &b.from, &b.to))
        return bad(r, "on [plain|tls] [ADDRESS[/BITS]] [N|N-M|N-]: with N from 1, not '%s'", p);
    return add_block(r->script, b) || bad(r, "no memory");
}

/* "on ...:" or "else:" */
static bool read_selector(struct reader *r, const struct words *w)
{
    const struct block *before = last_block(r->script);
    char text[128] = "";
    size_t n;

    if (before && !r->script->selected)
        return bad(r, "there are steps before the first 'on': put them under 'else:'");
    if (before && !before->steps)
        return bad(r, "the block before this one has no steps");
    r->script->selected = true;
    for (size_t i = 0; i < w->n; i++) {
        size_t have = strlen(text);
        snprintf(text + have, sizeof(text) - have, i ? " %s" : "%s", w->word[i].text);
    }
    n = strlen(text);
    if (n == 0 || strcspn(text, ":") != n - 1)
        return bad(r, "'%s' ends in a colon, and the steps are on lines of their own", w->word[0].text);
    text[n - 1] = '\0';
    if (strncmp(text, "on ", 3) == 0)
        return read_on(r, text + 3);
    if (strcmp(text, "else") == 0)
        return add_block(r->script, everything) || bad(r, "no memory");
    return bad(r, "'%s:' selects nothing: on [plain|tls] [ADDRESS[/BITS]] [N|N-M|N-]: or else:", text);
}

static bool read_cert(struct reader *r, const char *line)
{
    char copy[2048], why[512], *name, *rest;

    snprintf(copy, sizeof(copy), "%s", line);
    copy[strcspn(copy, "#\r\n")] = '\0';
    name = copy + strspn(copy, " \t") + strlen("cert");
    name += strspn(name, " \t");
    rest = name + strcspn(name, " \t");
    if (rest == name)
        return bad(r, "cert takes a name and a description, see --help");
    if (*rest)
        *rest++ = '\0';
    return cert_make(r->dir, name, rest, r->reuse, why, sizeof(why)) || bad(r, "%s", why);
}

static bool read_step(struct reader *r, struct words *w, const char *line)
{
    struct block *b = last_block(r->script);
    const struct verb *verb = w->word[0].quoted ? NULL : verb_find(w->word[0].text);
    struct step *s;
    size_t at = 1;

    if (!verb)
        return bad(r, "'%s' is no step, see --help", w->word[0].text);
    if (!b && !(b = add_block(r->script, everything)))
        return bad(r, "no memory");
    s = calloc(1, sizeof(*s));
    if (!s)
        return bad(r, "no memory");
    *b->end = s;
    b->end = &s->next;
    s->verb = verb;
    s->line = r->line;
    s->source = strdup(line + strspn(line, " \t"));
    if (s->source)
        s->source[strcspn(s->source, "\r\n")] = '\0';
    s->number = strcmp(verb->takes, "s") == 0 ? 1 : 0;
    for (const char *letter = verb->takes; *letter; letter++)
        if (!take(r, *letter, s, w, &at))
            return false;
    return at == w->n || bad(r, "%s: '%s' is too much", verb->name, w->word[at].text);
}

static bool read_line(struct reader *r, const char *line)
{
    struct words w;
    char why[128];
    bool ok;

    if (!words_split(&w, line, why, sizeof(why)))
        ok = bad(r, "%s", why);
    else if (w.n == 0)
        ok = true;
    else if (strcmp(w.word[0].text, "on") == 0 || strncmp(w.word[0].text, "on:", 3) == 0 ||
             strncmp(w.word[0].text, "else", 4) == 0)
        ok = read_selector(r, &w);
    else if (strcmp(w.word[0].text, "cert") == 0)
        ok = read_cert(r, line);
    else
        ok = read_step(r, &w, line);
    words_free(&w);
    return ok;
}

struct script *script_load(const char *path, const char *dir, bool reuse, char *err, size_t err_size)
{
    struct script *script = calloc(1, sizeof(*script));
    struct reader r = {path, dir, 0, reuse, script, err, err_size};
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    bool ok = script && f;

    if (!ok)
        bad(&r, "%s", strerror(errno));
    else
        script->end = &script->blocks;
    while (ok && getline(&line, &size, f) >= 0) {
        r.line++;
        ok = read_line(&r, line);
    }
    if (ok && (!script->blocks || !last_block(script)->steps))
        ok = bad(&r, script->blocks ? "the last block has no steps" : "there are no steps");
    free(line);
    if (f)
        fclose(f);
    if (ok)
        return script;
    script_free(script);
    return NULL;
}

void script_free(struct script *s)
{
    struct block *b = s ? s->blocks : NULL;

    while (b) {
        struct block *next = b->next;
        for (struct step *step = b->steps, *after; step; step = after) {
            after = step->next;
            SSL_CTX_free(step->ctx);
            free(step->text);
            free(step->source);
            free(step);
        }
        free(b);
        b = next;
    }
    free(s);
}

/* ---- running ---- */

const struct block *script_choose(const struct script *s, const struct conn *c)
{
    for (const struct block *b = s->blocks; b; b = b->next) {
        unsigned long n = b->port == ANY_PORT ? (b->mask ? c->address_id : c->id)
                                              : (b->mask ? c->address_port_id : c->port_id);
        if (b->port != ANY_PORT && (b->port == TLS_PORT) != c->on_tls_port)
            continue;
        if ((c->address & b->mask) != b->address)
            continue;
        if (n >= b->from && n <= b->to)
            return b;
    }
    return NULL;
}

void script_run(struct conn *c, const struct block *b, const struct honest *honest, int tls_port)
{
    struct stage g = {c, honest, tls_port};

    for (const struct step *s = b->steps; s; s = s->next) {
        enum outcome o;
        journal_event(c->id, "script-step %d %s", s->line, s->source);
        o = s->verb->run(&g, s);
        if (o == STEP_END)
            return;
        if (o == STEP_FAIL)
            journal_event(c->id, "script-failed %d %s", s->line, s->source);
        if (o == STEP_GONE)
            journal_event(c->id, "script-ended %d the peer is gone", s->line);
        if (o != STEP_OK)
            break;
    }
    stream_fin(c);
}
