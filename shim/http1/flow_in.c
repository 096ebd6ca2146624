/* SPDX-License-Identifier: MIT */
/* The server's direction. */
#include "shim/http1/flow.h"

#include <string.h>

#include "shim/http1/flow_parts.h"

/* Bytes that are no response and no empty line. */
static void out_of_step(struct http1_flow *f)
{
    f->surplus = f->count == 0;
    http1_flow_lose_responses(f);
}

/* Skips empty lines between responses. A CR without its LF is none. */
static size_t skip_empty_lines(struct http1_flow *f, const char *buf, size_t len)
{
    size_t at = 0;
    while (at < len && (buf[at] == '\n' || (buf[at] == '\r' && !f->in_cr)))
        f->in_cr = buf[at++] == '\r';
    if (at < len && (f->in_cr || !f->count))
        out_of_step(f);
    return at;
}

static struct http1_span method_name(enum flow_method method)
{
    static const char *const names[] = {
        [METHOD_OTHER] = "OTHER", [METHOD_HEAD] = "HEAD", [METHOD_CONNECT] = "CONNECT"};
    return (struct http1_span){names[method], strlen(names[method])};
}

/* A response head is complete: what follows it? */
static void conclude(struct http1_flow *f, const struct http1_response *r)
{
    enum flow_method method = (enum flow_method)f->pending[f->first];
    /* RFC 9110 section 15.2: any number of interim responses comes before the final one. */
    if (r->status / 100 == 1 && r->status != 101)
        return;
    f->first = (f->first + 1) % FLOW_PENDING_MAX;
    f->count--;
    f->closing = r->close;
    if (r->status == 101 || (method == METHOD_CONNECT && r->status / 100 == 2)) {
        f->tunnel = true;
        return;
    }
    enum http1_framing framing = http1_response_framing(r, method_name(method));
    http1_body_begin(&f->in, framing, r->length);
    if (framing == FRAMING_UNKNOWN)
        http1_flow_lose_responses(f);
}

static void take_response(struct http1_flow *f, const char *head, size_t len)
{
    struct http1_response r;
    f->in_head_len = 0;
    if (!http1_read_response(head, len, &r)) {
        http1_flow_lose_responses(f);
        return;
    }
    if (f->last)
        http1_keep_response(f->last, head, len, &r);
    conclude(f, &r);
}

/* Reads on in a response head that lies in pieces in in_head, or begins to. Returns the bytes taken. */
static size_t gather_head(struct http1_flow *f, const char *buf, size_t len)
{
    size_t had = f->in_head_len, room = HTTP1_HEAD_MAX - had;
    size_t n = len < room ? len : room;
    memcpy(f->in_head + had, buf, n);
    f->in_head_len += n;
    ssize_t end = http1_head_end(f->in_head, f->in_head_len, 0);
    if (end < 0)
        http1_flow_lose_responses(f);
    if (end <= 0)
        return n;
    take_response(f, f->in_head, (size_t)end);
    return (size_t)end - had;
}

/* Reads a response head from where it lies, if it lies there whole. Returns the bytes taken; 0: memory is
 * needed. */
static size_t take_head(struct http1_flow *f, const char *buf, size_t len)
{
    size_t again = f->last && !f->in_head_len ? http1_repeats_response(f->last, buf, len) : 0;
    if (again) {
        conclude(f, &f->last->said);
        return again;
    }
    ssize_t end = f->in_head_len ? 0 : http1_head_end(buf, len, 0);
    if (end > 0) {
        take_response(f, buf, (size_t)end);
        return (size_t)end;
    }
    if (end < 0) {
        http1_flow_lose_responses(f);
        return len;
    }
    return f->in_head ? gather_head(f, buf, len) : 0;
}

/* The server's bytes from here on. False: memory is needed. */
static bool read_on(struct http1_flow *f, const char *buf, size_t len)
{
    size_t at = 0, n;
    while (at < len && !f->lost && !f->tunnel) {
        if (f->in.state != BODY_DONE) {
            at += http1_body_feed(&f->in, buf + at, len - at);
            if (f->in.state == BODY_BROKEN)
                http1_flow_lose_responses(f);
            continue;
        }
        if (!f->in_head_len)
            at += skip_empty_lines(f, buf + at, len - at);
        if (at == len || f->lost)
            break;
        n = take_head(f, buf + at, len - at);
        if (!n)
            return false;
        at += n;
    }
    return true;
}

bool http1_flow_in(struct http1_flow *f, const char *buf, size_t len)
{
    const struct http1_flow before = *f;
    if (read_on(f, buf, len))
        return true;
    *f = before;
    return false;
}
