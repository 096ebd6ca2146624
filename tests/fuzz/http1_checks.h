/* SPDX-License-Identifier: MIT */
/* What holds for any bytes at all. Shared by the fuzzers and the bounded loop of the unit program; a
 * violation aborts. Inputs end where mapped memory ends, so that one byte too many is seen without a
 * sanitizer, too. */
#pragma once

#include "shim/http1/edit.h"
#include "tests/fuzz/http1_driver.h"
#include "tests/fuzz/must.h"

static inline void check_within(struct http1_span s, const char *buf, size_t len)
{
    MUST(s.len == 0 || (s.at >= buf && s.len <= len && s.at + s.len <= buf + len));
}

static inline void check_head_end(const char *buf, size_t len)
{
    for (unsigned skip = 0; skip < 3; skip++) {
        ssize_t end = http1_head_end(buf, len, skip);
        MUST(end >= -1 && end <= (ssize_t)len && end <= (ssize_t)HTTP1_HEAD_MAX);
        MUST(end != -1 || len >= HTTP1_HEAD_MAX);
        if (end > 0) {
            MUST(http1_head_end(buf, (size_t)end, skip) == end);
            MUST(http1_head_end(buf, (size_t)end - 1, skip) == 0);
        }
    }
}

/* What the strict reader takes, the tolerant one takes the same way. */
static inline void check_response(const char *buf, size_t len)
{
    struct http1_response strict, tolerant;
    const char *error = NULL;
    bool ok = http1_parse_response(buf, len, &strict), read = http1_read_response(buf, len, &tolerant);
    MUST(ok == !strict.error && read == !tolerant.error);
    bool tls = http1_switches_to_tls(buf, len, &error);
    MUST(tls == !error);
    if (!ok)
        return;
    MUST(read && strict.status == tolerant.status && strict.framing == tolerant.framing);
    MUST(strict.length == tolerant.length && strict.close == tolerant.close && strict.minor <= 1);
    MUST(len > HTTP1_HEAD_MAX || http1_head_end(buf, len, 1) == (ssize_t)len);
}

static inline void check_fields(const char *buf, size_t len)
{
    struct http1_span name, value, member;
    size_t cursor = 0, last = 0;
    while (http1_next_field(buf, len, &cursor, &name, &value)) {
        MUST(cursor > last && cursor <= len);
        last = cursor;
        check_within(name, buf, len);
        check_within(value, buf, len);
        while (http1_next_member(&value, &member))
            MUST(member.len > 0);
    }
}

static inline void check_authority(const struct http1_authority *a)
{
    struct http1_authority again;
    char text[HTTP1_HOST_MAX + 9];
    ssize_t n = http1_format_authority(a, text, sizeof text);
    MUST(n > 0 && (size_t)n == strlen(text));
    MUST(http1_parse_authority((struct http1_span){text, (size_t)n}, &again));
    MUST(again.kind == a->kind && again.port == a->port && strcmp(again.host, a->host) == 0);
}

static inline void check_edited_fields(const char *head, size_t len, unsigned edits)
{
    struct http1_span name, value;
    for (size_t cursor = 0; http1_next_field(head, len, &cursor, &name, &value);) {
        MUST(!(edits & EDIT_PROXY_FIELDS) || name.len < 6 ||
             !http1_span_is((struct http1_span){name.at, 6}, "proxy-"));
        MUST(!(edits & EDIT_H2C) || !http1_span_is(name, "http2-settings"));
    }
}

/* An edited head says the same to the same server, and has nothing left to edit. */
static inline void check_edit(const char *buf, const struct http1_request *r, unsigned edits)
{
    static char once[HTTP1_HEAD_MAX + HTTP1_EDIT_MORE], twice[HTTP1_HEAD_MAX + 2 * HTTP1_EDIT_MORE];
    struct http1_request again;
    size_t len = http1_edit_request(buf, r, edits, once, r->head_len + HTTP1_EDIT_MORE);
    MUST(len > 0 && (edits || (len == r->head_len && memcmp(once, buf, len) == 0)));
    MUST(http1_edit_request(buf, r, edits, once, len - 1) == 0);
    MUST(http1_edit_request(buf, r, edits, once, len) == len);
    if (r->bad_authority || len > HTTP1_HEAD_MAX)
        return;
    MUST(http1_parse_request(once, len, &again) == REQUEST_HTTP1 && again.head_len == len);
    MUST(again.method.len == r->method.len && again.framing == r->framing && again.length == r->length);
    MUST(again.has_authority == r->has_authority && !again.bad_authority);
    MUST(!r->has_authority || strcmp(again.authority.host, r->authority.host) == 0);
    MUST(!(edits & EDIT_TARGET && again.absolute_form && !r->absolute_form));
    check_edited_fields(once, len, edits);
    MUST(http1_edit_request(once, &again, edits, twice, sizeof twice) == len &&
         memcmp(once, twice, len) == 0);
}

static inline void check_request(const char *buf, size_t len, size_t cut)
{
    struct http1_request r, part;
    enum http1_request_kind kind = http1_parse_request(buf, len, &r);
    enum http1_request_kind early = http1_parse_request(buf, cut, &part);
    MUST(early == REQUEST_PARTIAL || early == kind);
    if (kind != REQUEST_HTTP1)
        return;
    MUST(r.head_len <= len && r.head_len <= HTTP1_HEAD_MAX);
    MUST(http1_parse_request(buf, r.head_len, &part) == REQUEST_HTTP1);
    MUST(http1_parse_request(buf, r.head_len - 1, &part) == REQUEST_PARTIAL);
    check_within(r.method, buf, r.head_len);
    check_within(r.target, buf, r.head_len);
    MUST(r.method.len && r.target.len && !(r.has_authority && r.bad_authority));
    if (r.has_authority)
        check_authority(&r.authority);
    for (unsigned edits = 0; edits < 8; edits++)
        check_edit(buf, &r, edits);
}

static inline void check_heads(const uint8_t *data, size_t len)
{
    struct http1_authority a;
    if (len > GUARD_MAX)
        return;
    const char *copy = guarded(data, len);
    check_head_end(copy, len);
    check_response(copy, len);
    check_fields(copy, len);
    check_request(copy, len, len ? data[len - 1] % len : 0);
    if (http1_parse_authority((struct http1_span){copy, len}, &a))
        check_authority(&a);
}

/* Feeds a conversation: text in which '\0' changes the direction; the program speaks first. `seed` cuts it: 0
 * not at all, 1 byte by byte, others now and then. */
static inline void converse(struct http1_driver *d, const uint8_t *data, size_t len, unsigned seed,
                            bool remembers)
{
    char dir = '>';
    unsigned noise = seed;
    size_t from = 0;
    driver_init(d);
    if (remembers)
        driver_remember(d);
    for (size_t i = 0; i <= len; i++) {
        bool turn = i == len || data[i] == '\0';
        noise = noise * 1103515245 + 12345;
        bool cut = seed == 1 || (seed && (noise >> 16) % 16 == 0);
        if (i > from && (turn || cut)) {
            driver_feed(d, dir, guarded(data + from, i - from), i - from);
            from = i;
        }
        if (turn) {
            dir = dir == '>' ? '<' : '>';
            from = i + 1;
        }
    }
}

/* What a flow says does not depend on how the bytes are cut, nor on what is remembered. */
static inline void check_flow(const uint8_t *data, size_t len)
{
    static struct http1_driver whole, cut;
    if (len > 65536)
        return;
    converse(&whole, data, len, 0, false);
    const struct http1_flow *f = &whole.flow;
    MUST(!f->surplus || f->lost);
    MUST(f->lost || f->tunnel || f->count <= FLOW_PENDING_MAX);
    MUST(!(f->lost || f->tunnel) || !(http1_flow_request_complete(f) || http1_flow_response_complete(f)));
    for (unsigned seed = 0; seed <= 3; seed++) {
        converse(&cut, data, len, seed, seed != 1);
        MUST(driver_same(&whole, &cut));
    }
}
