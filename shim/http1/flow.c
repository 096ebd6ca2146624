/* SPDX-License-Identifier: MIT */
/* The program's direction, and what both directions conclude. */
#include "shim/http1/flow.h"

#include "shim/http1/flow_parts.h"

void http1_flow_init(struct http1_flow *f)
{
    *f = (struct http1_flow){0};
}

void http1_flow_lose_responses(struct http1_flow *f)
{
    f->lost = true;
    f->in_head_len = 0;
}

void http1_flow_lose(struct http1_flow *f)
{
    http1_flow_lose_responses(f);
    http1_body_begin(&f->out, FRAMING_CLOSE, 0);
}

size_t http1_flow_out(struct http1_flow *f, const char *buf, size_t len)
{
    if (f->tunnel)
        return len;
    size_t at = http1_body_feed(&f->out, buf, len);
    if (f->out.state != BODY_BROKEN)
        return at;
    http1_flow_lose(f);
    return len;
}

/* Methods are case-sensitive (RFC 9110 section 9.1), but not to every server: whether the response to "head"
 * has a body is not known. False then. */
static bool classify(struct http1_span name, enum flow_method *method)
{
    bool head = http1_span_is(name, "HEAD"), connect = http1_span_is(name, "CONNECT");
    *method = head ? METHOD_HEAD : connect ? METHOD_CONNECT : METHOD_OTHER;
    return *method == METHOD_OTHER || http1_span_exactly(name, head ? "HEAD" : "CONNECT");
}

void http1_flow_request_head(struct http1_flow *f, const struct http1_request *r)
{
    enum flow_method method;
    if (r->framing == FRAMING_UNKNOWN) {
        http1_flow_lose(f);
        return;
    }
    http1_body_begin(&f->out, r->framing, r->length);
    if (!classify(r->method, &method) || f->count == FLOW_PENDING_MAX)
        http1_flow_lose_responses(f);
    else
        f->pending[(f->first + f->count++) % FLOW_PENDING_MAX] = (uint8_t)method;
}

bool http1_flow_request_complete(const struct http1_flow *f)
{
    return !f->lost && !f->tunnel && f->out.state == BODY_DONE;
}

bool http1_flow_response_complete(const struct http1_flow *f)
{
    if (f->lost || f->tunnel || f->in.state != BODY_DONE || f->in_head_len)
        return false;
    return f->count == 0 || f->closing;
}

bool http1_flow_until_close(const struct http1_flow *f)
{
    return !f->lost && f->in.state == BODY_ENDLESS;
}

bool http1_flow_head_idle(const struct http1_flow *f)
{
    return f->in_head_len == 0;
}
