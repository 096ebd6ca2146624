/* SPDX-License-Identifier: MIT */
#include "shim/http1/edit.h"

#include <limits.h>
#include <string.h>

#include "shim/http1/chars.h"
#include "shim/http1/reader.h"

struct edit {
    const struct http1_request *request;
    unsigned edits;
    bool replace_host; /* the Host that is there goes, the target's authority comes */
    bool drop_upgrade; /* h2c was all that the Upgrade fields offered */
    char *out;
    size_t len, cap;
    bool cut;
};

static void put(struct edit *e, const char *at, size_t n)
{
    if (e->cut || n > e->cap - e->len) {
        e->cut = true;
        return;
    }
    memcpy(e->out + e->len, at, n);
    e->len += n;
}

static void put_span(struct edit *e, struct http1_span s)
{
    put(e, s.at, s.len);
}

/* ---- what the fields say ---- */

static bool begins_with(struct http1_span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && http1_span_is((struct http1_span){s.at, n}, prefix);
}

/* Without the line ends of a folded value (RFC 9112 section 5.2) around it. */
static struct http1_span unfolded(struct http1_span s)
{
    while (s.len && strchr(" \t\r\n", s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && strchr(" \t\r\n", s.at[s.len - 1]))
        s.len--;
    return s;
}

/* The next member of a list that may be folded; one that is nothing but a fold is none, and must not be put
 * before a line end. */
static bool next_member(struct http1_span *list, struct http1_span *member)
{
    while (http1_next_member(list, member)) {
        *member = unfolded(*member);
        if (member->len)
            return true;
    }
    return false;
}

static bool is_for_proxies(const struct edit *e, struct http1_span name)
{
    return e->edits & EDIT_PROXY_FIELDS && begins_with(name, "proxy-");
}

static bool is_h2c(const struct edit *e, struct http1_span member)
{
    return e->edits & EDIT_H2C && http1_span_is(member, "h2c");
}

static bool is_h2c_settings(const struct edit *e, struct http1_span name)
{
    return e->edits & EDIT_H2C && http1_span_is(name, "http2-settings");
}

static bool option_goes(const struct edit *e, struct http1_span member)
{
    return is_for_proxies(e, member) || is_h2c_settings(e, member) ||
           (e->drop_upgrade && http1_span_is(member, "upgrade"));
}

struct offers {
    unsigned h2c, others;
};

static void count_offers(const struct edit *e, struct http1_span list, struct offers *offers)
{
    struct http1_span member;
    while (next_member(&list, &member))
        is_h2c(e, member) ? offers->h2c++ : offers->others++;
}

/* The fields are read twice: first what becomes of one of them may hang on another. */
static void look(struct edit *e, struct http1_reader r)
{
    struct http1_span name, value;
    struct offers offers = {0};
    bool has_host = false;
    while (http1_reader_field(&r, &name, &value)) {
        if (http1_span_is(name, "upgrade"))
            count_offers(e, value, &offers);
        else if (http1_span_is(name, "host"))
            has_host = has_host || value.len > 0;
    }
    e->drop_upgrade = offers.h2c && !offers.others;
    e->replace_host = e->edits & EDIT_TARGET && e->request->absolute_form && e->request->has_authority &&
                      (!has_host || e->request->host_differs);
}

/* ---- what goes out ---- */

/* The members that stay, or nothing at all. `line` ends as it did. */
static void put_list(struct edit *e, struct http1_span line, struct http1_span name, struct http1_span value,
                     bool (*goes)(const struct edit *e, struct http1_span member))
{
    struct http1_span member, list = value;
    bool any = false, all = true;
    while (next_member(&list, &member)) {
        any = any || !goes(e, member);
        all = all && !goes(e, member);
    }
    if (all) {
        put_span(e, line);
        return;
    }
    if (!any)
        return;
    put(e, name.at, (size_t)(value.at - name.at));
    for (const char *comma = ""; next_member(&value, &member);) {
        if (goes(e, member))
            continue;
        put(e, comma, strlen(comma));
        put_span(e, member);
        comma = ", ";
    }
    bool crlf = line.len > 1 && line.at[line.len - 2] == '\r';
    put(e, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
}

static void put_field(struct edit *e, struct http1_span line, struct http1_span name, struct http1_span value)
{
    if (is_for_proxies(e, name) || is_h2c_settings(e, name) ||
        (e->replace_host && http1_span_is(name, "host")))
        return;
    if (http1_span_is(name, "upgrade"))
        put_list(e, line, name, value, is_h2c);
    else if (http1_span_is(name, "connection"))
        put_list(e, line, name, value, option_goes);
    else
        put_span(e, line);
}

static void put_host(struct edit *e, bool crlf)
{
    char host[HTTP1_HOST_MAX + 9];
    ssize_t n = http1_format_authority(&e->request->authority, host, sizeof host);
    if (!e->replace_host)
        return;
    put(e, "Host: ", 6);
    put(e, host, n > 0 ? (size_t)n : 0);
    put(e, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
}

/* What follows the authority; RFC 9112 section 3.2.1: an empty path is "/", and for OPTIONS "*" (3.2.4). */
static void put_target(struct edit *e)
{
    struct http1_span target = e->request->target, rest = target;
    if (!(e->edits & EDIT_TARGET) || !e->request->absolute_form) {
        put_span(e, target);
        return;
    }
    http1_span_split(&rest, '/'); /* scheme ":" */
    rest.at++;                    /* the second slash */
    rest.len--;
    while (rest.len && !memchr("/?#", rest.at[0], 3)) {
        rest.at++;
        rest.len--;
    }
    if (!rest.len && http1_span_exactly(e->request->method, "OPTIONS"))
        put(e, "*", 1);
    else if (!rest.len || rest.at[0] != '/')
        put(e, "/", 1);
    put_span(e, rest);
}

static void put_start(struct edit *e, const char *head, size_t end)
{
    struct http1_span target = e->request->target;
    const char *behind = target.at + target.len;
    put(e, head, (size_t)(target.at - head));
    put_target(e);
    put(e, behind, (size_t)(head + end - behind));
}

size_t http1_edit_request(const char *head, const struct http1_request *request, unsigned edits, char *out,
                          size_t cap)
{
    struct edit e = {.request = request, .edits = edits, .out = out, .cap = cap};
    struct http1_reader r;
    struct http1_span line, name, value;
    http1_reader_init(&r, head, request->head_len);
    if (!http1_reader_start(&r, UINT_MAX, &line))
        return 0;
    look(&e, r);
    put_start(&e, head, r.at);
    put_host(&e, line.at[line.len] == '\r');
    for (size_t from = r.at; http1_reader_field(&r, &name, &value); from = r.at)
        put_field(&e, (struct http1_span){head + from, r.at - from}, name, value);
    size_t blank = r.ended && request->head_len > 1 && head[request->head_len - 2] == '\r' ? 2 : 1;
    put(&e, head + request->head_len - blank, blank);
    return e.cut ? 0 : e.len;
}
