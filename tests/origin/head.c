/* SPDX-License-Identifier: MIT */
#include "tests/origin/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- finding the empty line ---- */

static size_t find_end(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (p[i] != '\n')
            continue;
        if (p[i + 1] == '\n')
            return i + 2;
        if (i + 2 < len && p[i + 1] == '\r' && p[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

/* RFC 9112 §2.2: empty lines before a request are skipped */
static void skip_empty_lines(struct ahead *a)
{
    while (a->at < a->end && (a->data[a->at] == '\r' || a->data[a->at] == '\n'))
        a->at++;
}

static void split_line(struct head *h)
{
    char *save = NULL;
    const char *word;

    h->method = h->target = h->version = "";
    h->line[strcspn(h->line, "\r\n")] = '\0';
    if ((word = strtok_r(h->line, " ", &save)))
        h->method = word;
    if ((word = strtok_r(NULL, " ", &save)))
        h->target = word;
    if ((word = strtok_r(NULL, " ", &save)))
        h->version = word;
    h->minor = strncmp(h->version, "HTTP/1.", 7) == 0 ? h->version[7] - '0' : 0;
}

bool head_read(struct conn *c, struct head *h)
{
    struct ahead *a = stream_ahead(c);
    size_t len;

    memset(h, 0, sizeof(*h));
    for (;;) {
        skip_empty_lines(a);
        len = find_end(a->data + a->at, a->end - a->at);
        if (len > 0)
            break;
        if (!stream_fill(c))
            return false;
    }
    h->raw = malloc(len + 1);
    h->line = malloc(len + 1);
    if (!h->raw || !h->line) {
        head_free(h);
        return false;
    }
    memcpy(h->raw, a->data + a->at, len);
    h->raw[len] = '\0';
    memcpy(h->line, h->raw, len + 1);
    h->len = len;
    a->at += len;
    if (c->ssl)
        journal_inside(c->id, h->raw, len);
    else
        journal_event(c->id, "clear %.*s", (int)strcspn(h->raw, "\r\n"), h->raw);
    split_line(h);
    return true;
}

void head_free(struct head *h)
{
    free(h->raw);
    free(h->line);
    memset(h, 0, sizeof(*h));
}

/* ---- fields ---- */

static const char *next_line(const char *p)
{
    const char *nl = strchr(p, '\n');

    return nl && nl[1] && nl[1] != '\r' && nl[1] != '\n' ? nl + 1 : NULL;
}

bool head_field(const struct head *h, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name), at = 0;
    bool found = false;

    out[0] = '\0';
    for (const char *p = next_line(h->raw); p; p = next_line(p)) {
        size_t n;
        if (strncasecmp(p, name, name_len) != 0 || p[name_len] != ':')
            continue;
        p += name_len + 1;
        p += strspn(p, " \t");
        n = strcspn(p, "\r\n");
        if (at + n + 3 > size)
            return found;
        if (found) {
            memcpy(out + at, ", ", 2);
            at += 2;
        }
        memcpy(out + at, p, n);
        at += n;
        out[at] = '\0';
        found = true;
    }
    return found;
}

bool head_has(const struct head *h, const char *field, const char *token, bool prefix)
{
    size_t len = strlen(token);
    char value[1024];

    if (!head_field(h, field, value, sizeof(value)))
        return false;
    for (const char *p = value; *p;) {
        p += strspn(p, " \t,");
        if (strncasecmp(p, token, len) == 0 &&
            (p[len] == '\0' || strchr(" \t,;", p[len]) || (prefix && p[len] == '/')))
            return true;
        p += strcspn(p, ",");
    }
    return false;
}
