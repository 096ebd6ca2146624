/* SPDX-License-Identifier: MIT */
#include "shim/http1/rewrite.h"

#include <string.h>

#define PORT_HTTP 80U

struct out {
    char *at;
    size_t len, cap;
    bool cut;
};

static void put(struct out *o, const char *at, size_t len)
{
    if (len > o->cap - o->len) {
        o->cut = true;
        return;
    }
    memcpy(o->at + o->len, at, len);
    o->len += len;
}

static void put_span(struct out *o, struct http1_span s)
{
    put(o, s.at, s.len);
}

static void put_text(struct out *o, const char *text)
{
    put(o, text, strlen(text));
}

static void put_number(struct out *o, unsigned n)
{
    char digits[5];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    put(o, digits + i, sizeof digits - i);
}

static struct http1_span from(struct http1_span s, size_t at)
{
    return (struct http1_span){s.at + at, s.len - at};
}

static bool begins(struct http1_span s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && http1_span_is((struct http1_span){s.at, len}, prefix);
}

/* ---- links ---- */

/* "https://authority" and what follows it. */
struct link {
    struct http1_span authority, rest;
};

static bool split_link(struct http1_span url, struct link *out)
{
    size_t n = 0;
    if (!begins(url, "https://"))
        return false;
    struct http1_span tail = from(url, strlen("https://"));
    while (n < tail.len && !strchr("/?#\"' \t", tail.at[n]))
        n++;
    out->authority = (struct http1_span){tail.at, n};
    out->rest = from(tail, n);
    return n > 0 && !memchr(tail.at, '@', n);
}

/* The host as it is spelled, without its port. */
static struct http1_span host_of(struct http1_span authority)
{
    for (size_t i = authority.len; i > 0 && authority.at[i - 1] != ']'; i--)
        if (authority.at[i - 1] == ':')
            return (struct http1_span){authority.at, i - 1};
    return authority;
}

static bool is_asked(const struct http1_rewrite *how, const struct http1_authority *a, uint16_t port,
                     struct http1_span rest)
{
    unsigned asked_port = how->asked && how->asked->port ? how->asked->port : PORT_HTTP;
    const char *hash = rest.len ? memchr(rest.at, '#', rest.len) : NULL;
    size_t len = hash ? (size_t)(hash - rest.at) : rest.len;
    bool root = len == 0 && how->target.len == 1;
    return how->asked && strcmp(how->asked->host, a->host) == 0 && asked_port == port &&
           (root || (len == how->target.len && memcmp(rest.at, how->target.at, len) == 0));
}

/* True: written. */
static bool put_link(struct out *o, struct http1_span url, struct http1_rewrite *how, bool redirects)
{
    struct link link;
    struct http1_authority a;
    uint16_t port = 0;
    if (!split_link(url, &link) || !http1_parse_authority(link.authority, &a) ||
        !how->carried(how->context, &a, &port))
        return false;
    put_text(o, "http://");
    put_span(o, host_of(link.authority));
    if (port != PORT_HTTP) {
        put_text(o, ":");
        put_number(o, port);
    }
    put_span(o, link.rest);
    how->changed = true;
    how->loops = how->loops || (redirects && is_asked(how, &a, port, link.rest));
    return true;
}

/* Where the URL stands in "5; url=https://…"; the value's length: nowhere. */
static size_t refresh_url(struct http1_span value)
{
    for (size_t i = 0; i + 4 <= value.len; i++) {
        if (!begins(from(value, i), "url="))
            continue;
        i += 4;
        return i < value.len && (value.at[i] == '"' || value.at[i] == '\'') ? i + 1 : i;
    }
    return value.len;
}

/* ---- cookies ---- */

static bool put_cookie(struct out *o, struct http1_span value, struct http1_rewrite *how)
{
    struct http1_span part, left = value;
    bool first = true;
    while (left.len) {
        part = http1_span_split(&left, ';');
        if (!first && http1_span_is(http1_span_trim(part), "Secure")) {
            how->changed = true;
            continue;
        }
        put_text(o, first ? "" : ";");
        put_span(o, part);
        first = false;
    }
    return true;
}

/* ---- fields ---- */

static bool put_value(struct out *o, struct http1_span name, struct http1_span value,
                      struct http1_rewrite *how)
{
    if (http1_span_is(name, "Location"))
        return put_link(o, value, how, true);
    if (http1_span_is(name, "Content-Location"))
        return put_link(o, value, how, false);
    if (http1_span_is(name, "Set-Cookie"))
        return put_cookie(o, value, how);
    if (!http1_span_is(name, "Refresh"))
        return false;
    size_t at = refresh_url(value);
    struct out before = *o;
    put(o, value.at, at);
    if (at < value.len && put_link(o, from(value, at), how, true))
        return true;
    *o = before;
    return false;
}

/* One field with its line end. A folded value (bytes of a line end in it) fits no grammar and stays. */
static void put_field(struct out *o, struct http1_span line, struct http1_rewrite *how)
{
    const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
    struct out before = *o;
    if (colon) {
        struct http1_span name = {line.at, (size_t)(colon - line.at)};
        struct http1_span value = http1_span_trim(from(line, name.len + 1));
        size_t lead = (size_t)(value.at - line.at), tail = line.len - lead - value.len;
        put(o, line.at, lead);
        if (put_value(o, name, value, how)) {
            put(o, value.at + value.len, tail);
            return;
        }
    }
    *o = before;
    put_span(o, line);
}

size_t http1_rewrite_head(const char *head, size_t len, struct http1_rewrite *how, char *out, size_t cap)
{
    struct out o = {.at = out, .cap = cap};
    how->changed = how->loops = false;
    for (size_t at = 0, end; at < len; at = end) {
        const char *lf = memchr(head + at, '\n', len - at);
        end = lf ? (size_t)(lf - head) + 1 : len;
        size_t ending = end - at > 1 && head[end - 2] == '\r' ? 2 : 1;
        bool folds = end < len && (head[end] == ' ' || head[end] == '\t');
        if (at == 0 || folds || !lf || head[at] == ' ' || head[at] == '\t')
            put(&o, head + at, end - at);
        else {
            put_field(&o, (struct http1_span){head + at, end - at - ending}, how);
            put(&o, head + end - ending, ending);
        }
    }
    return o.cut ? 0 : o.len;
}
