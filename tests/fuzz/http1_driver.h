/* SPDX-License-Identifier: MIT */
/* Drives a flow as its owner does: holds request heads until they are whole, lends memory for response heads.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/http1/flow.h"

#define DRIVER_HELD_MAX (HTTP1_HEAD_MAX + 65536U)

struct http1_driver {
    struct http1_flow flow;
    size_t held; /* bytes of a request head that is not whole */
    unsigned heads, loans;
    uint64_t passed; /* bytes of the program that went on */
    bool remembers;  /* heads that come again are not read again */
    struct http1_last_request last_request;
    struct http1_last_response last_response;
    char head[HTTP1_HEAD_MAX], out[DRIVER_HELD_MAX];
};

static inline void driver_init(struct http1_driver *d)
{
    http1_flow_init(&d->flow);
    d->held = d->heads = d->loans = 0;
    d->passed = 0;
    d->remembers = false;
}

static inline void driver_remember(struct http1_driver *d)
{
    d->remembers = true;
    d->last_request.head.len = d->last_response.head.len = 0;
    d->flow.last = &d->last_response;
}

static inline bool driver_same_span(struct http1_span a, struct http1_span b)
{
    return a.at == b.at && a.len == b.len;
}

static inline bool driver_same_request(const struct http1_request *a, const struct http1_request *b)
{
    return driver_same_span(a->method, b->method) && driver_same_span(a->target, b->target) &&
           a->minor == b->minor && a->has_authority == b->has_authority &&
           a->bad_authority == b->bad_authority && a->absolute_form == b->absolute_form &&
           a->host_differs == b->host_differs && a->https_target == b->https_target &&
           a->framing == b->framing && a->length == b->length && a->close == b->close &&
           a->upgrade == b->upgrade && a->head_len == b->head_len &&
           (!a->has_authority ||
            (a->authority.kind == b->authority.kind && a->authority.port == b->authority.port &&
             strcmp(a->authority.host, b->authority.host) == 0));
}

/* What is remembered is what would be read. */
static inline enum http1_request_kind driver_parse(struct http1_driver *d, struct http1_request *r)
{
    struct http1_request again;
    enum http1_request_kind kind = http1_parse_request(d->out, d->held, r);
    if (d->remembers && (http1_repeat_request(&d->last_request, d->out, d->held, &again) != kind ||
                         (kind == REQUEST_HTTP1 && !driver_same_request(r, &again))))
        abort();
    return kind;
}

static inline void driver_pass(struct http1_driver *d, size_t n)
{
    memmove(d->out, d->out + n, d->held - n);
    d->held -= n;
    d->passed += n;
}

/* At most 65536 bytes. */
static inline void driver_out(struct http1_driver *d, const char *buf, size_t len)
{
    struct http1_request r;
    memcpy(d->out + d->held, buf, len);
    d->held += len;
    while (d->held) {
        driver_pass(d, http1_flow_out(&d->flow, d->out, d->held));
        enum http1_request_kind kind = d->held ? driver_parse(d, &r) : REQUEST_PARTIAL;
        if (kind == REQUEST_PARTIAL)
            return;
        if (kind != REQUEST_HTTP1) {
            http1_flow_lose(&d->flow);
            continue;
        }
        http1_flow_request_head(&d->flow, &r);
        d->heads++;
        driver_pass(d, r.head_len);
    }
}

static inline void driver_in(struct http1_driver *d, const char *buf, size_t len)
{
    if (!http1_flow_in(&d->flow, buf, len)) {
        if (d->flow.in_head)
            abort(); /* it has what it asks for */
        d->flow.in_head = d->head;
        d->loans++;
        if (!http1_flow_in(&d->flow, buf, len))
            abort();
    }
    if (http1_flow_head_idle(&d->flow))
        d->flow.in_head = NULL;
}

/* `dir` is '>' for the program's bytes, '<' for the server's. */
static inline void driver_feed(struct http1_driver *d, char dir, const char *buf, size_t len)
{
    if (dir == '>')
        driver_out(d, buf, len);
    else
        driver_in(d, buf, len);
}

static inline bool driver_same_body(const struct http1_body *a, const struct http1_body *b)
{
    return a->state == b->state && a->left == b->left && a->line == b->line && a->digits == b->digits;
}

/* True if both say the same of what they were given. Out of step, what was skipped does not matter. */
static inline bool driver_same(const struct http1_driver *a, const struct http1_driver *b)
{
    const struct http1_flow *f = &a->flow, *g = &b->flow;
    if (f->lost != g->lost || f->tunnel != g->tunnel || f->surplus != g->surplus)
        return false;
    if (a->held != b->held || a->heads != b->heads || a->passed != b->passed ||
        !driver_same_body(&f->out, &g->out))
        return false;
    if (f->lost || f->tunnel)
        return true;
    return f->count == g->count && f->closing == g->closing && f->in_cr == g->in_cr &&
           f->in_head_len == g->in_head_len && driver_same_body(&f->in, &g->in);
}
