/* SPDX-License-Identifier: MIT */
#include "shim/conn/proxy.h"

#include "shim/conn/buffer.h"
#include "shim/conn/dial.h"
#include "shim/conn/machine.h"
#include "shim/conn/records.h"
#include "shim/conn/tries.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

#define PORT_HTTP 80U /* RFC 9110 section 4.2.1 */

/* ---- whom it is for ---- */

enum conn_asks proxy_asks(const struct http1_request *r)
{
    struct http1_span target = r->target;
    if (!r->has_authority)
        return ASKS_OTHER;
    if (http1_span_is(r->method, "CONNECT"))
        return ASKS_TUNNEL;
    return r->absolute_form && http1_span_is(http1_span_split(&target, ':'), "http") ? ASKS_HTTP : ASKS_OTHER;
}

static uint16_t origin_port(const struct http1_authority *a)
{
    return a->port ? a->port : PORT_HTTP;
}

/* `a` is NULL: nobody knows. */
static void judge(const struct conn *c, const struct http1_authority *a, enum conn_asks asks,
                  struct policy_verdict *out)
{
    struct policy_target target = {.names = c->names,
                                   .n_names = c->n_names,
                                   .address = c->address,
                                   .port = c->port,
                                   .is_proxy = c->n_names == 0 && asks != ASKS_OTHER};
    if (a) {
        target.origin = a->host;
        target.origin_port = origin_port(a);
    }
    policy_decide(c->policy, &target, out);
}

bool proxy_look_up(struct conn *c)
{
    struct policy_verdict proxy;
    judge(c, NULL, c->asks, &proxy);
    c->proxied = proxy.rule && proxy.rule->proxy;
    if (!c->proxied)
        return false;
    c->conflict = false; /* the names are the proxy's */
    judge(c, c->has_authority ? &c->authority : NULL, c->asks, &c->verdict);
    return true;
}

uint16_t conn_tunnel_port(const struct conn *c)
{
    uint16_t port = origin_port(&c->authority);
    return tries_mapped_port(c->verdict.origin, port);
}

/* ---- what becomes of it ---- */

static void refuse(struct conn *c, const char *type, const char *why)
{
    CONN_FAIL(c, FAILURE_POLICY, EACCES, type, why);
}

/* A tunnel that the program asks for is its own affair, as its TLS to port 443 would be. But to a port where
 * the policy would have looked it is one of ours, with TLS inside (proxy_tunnel_made). */
bool proxy_wants_tunnel(struct conn *c)
{
    bool may = c->verdict.level == LEVEL_MAY;
    if (c->asks == ASKS_TUNNEL && !policy_lists_port(c->policy, origin_port(&c->authority)))
        conn_enter_plain(c, "a tunnel of the program's own", "bypass");
    else if (c->asks != ASKS_OTHER)
        return true;
    else if (may)
        conn_enter_plain(c, "no request that can go through a tunnel of ours", "allowed-plain");
    else
        refuse(c, "tlsup-bypass-refused",
               "the request does not ask the proxy for an http:// URL, so it cannot go through a tunnel");
    return false;
}

/* ---- those that follow ---- */

static bool is_for_the_same(const struct conn *c, const struct http1_request *r)
{
    if (proxy_asks(r) != c->asks || r->has_authority != c->has_authority)
        return false;
    return !r->has_authority || (strcmp(r->authority.host, c->authority.host) == 0 &&
                                 origin_port(&r->authority) == origin_port(&c->authority));
}

/* A tunnel is for one origin. In the clear everybody may follow for whom the clear is allowed. */
bool proxy_covers(const struct conn *c, const struct http1_request *r)
{
    struct policy_verdict v;
    if (r->bad_authority || r->framing == FRAMING_UNKNOWN) /* where the next one begins would not be known */
        return false;
    if (is_for_the_same(c, r))
        return true;
    if (!c->grant)
        return false;
    judge(c, r->has_authority ? &r->authority : NULL, proxy_asks(r), &v);
    return v.level == LEVEL_NONE ||
           (proxy_asks(r) == ASKS_TUNNEL && !policy_lists_port(c->policy, origin_port(&r->authority)));
}

/* ---- the proxy's own answer ---- */

void proxy_tunnel_made(struct conn *c)
{
    static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    struct http1_request r;
    if (c->asks != ASKS_TUNNEL || !c->proxied) /* a CONNECT to what is no proxy for the policy is a request */
        return;
    http1_parse_request(buffer_at(&c->hold), buffer_len(&c->hold), &r); /* was one when it was decided */
    buffer_consume(&c->hold, r.head_len);
    buffer_append(&c->peeked, established, sizeof established - 1, SIZE_MAX);
    c->proxied = false; /* from here on the program speaks with the origin */
    c->asks = ASKS_OTHER;
}

/* The request goes, and what is still to come of its body will. */
static void drop_request(struct conn *c, const struct http1_request *r)
{
    http1_body_begin(&c->rest, r->framing, r->length);
    buffer_consume(&c->hold, r->head_len);
    buffer_consume(&c->hold, http1_body_feed(&c->rest, buffer_at(&c->hold), buffer_len(&c->hold)));
}

void proxy_answered(struct conn *c)
{
    struct http1_request r;
    http1_parse_request(buffer_at(&c->hold), buffer_len(&c->hold), &r); /* was one when it was decided */
    bool head_only = http1_span_exactly(r.method, "HEAD");
    size_t len = head_only ? c->answer_head : buffer_len(&c->head);
    buffer_append(&c->peeked, buffer_at(&c->head), len, SIZE_MAX);
    buffer_free(&c->head);
    c->error = 0;
    report_decision(c, "blocked");
    drop_request(c, &r);
    if (r.close || c->write_shut) { /* the proxy was not asked to close, the program waits for it */
        real.shutdown(c->fd, SHUT_RDWR);
        c->answer_ends = true;
    }
    c->spoken = c->answer_ends; /* then the next one needs a connection of its own */
    c->decided = c->decision_reported = c->has_authority = c->was_refused = c->was_late = false;
    c->failed = 0;
    c->reason[0] = c->causes[0] = 0;
    c->result_type = NULL;
    c->asks = ASKS_OTHER;
    c->want_in = c->want_out = false;
    conn_enter(c, EV_ANSWERED);
    if (buffer_len(&c->hold)) /* pipelined: it is asked for as well */
        conn_enter(c, EV_BYTES);
}
