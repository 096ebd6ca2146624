/* SPDX-License-Identifier: MIT */
#include "shim/conn/incoming.h"

#include "shim/conn/buffer.h"
#include "shim/conn/memory.h"
#include "shim/conn/tries.h"
#include "shim/http1/rewrite.h"

#include <stdlib.h>
#include <string.h>

#define PORT_HTTP  80U
#define PORT_HTTPS 443U
#define GROWTH     256U /* bytes by which a rewritten head may be longer */

void incoming_watch(struct conn *c, const char *buf, size_t len)
{
    if (!http1_flow_in(&c->flow, buf, len)) {
        c->flow.in_head = malloc(HTTP1_HEAD_MAX);
        if (!c->flow.in_head)
            http1_flow_lose(&c->flow);
        else
            http1_flow_in(&c->flow, buf, len);
    }
    if (c->flow.in_head && http1_flow_head_idle(&c->flow)) {
        free(c->flow.in_head);
        c->flow.in_head = NULL;
    }
}

/* ---- what the policy carries ---- */

static bool has_strategy(const struct policy_rule *r, enum policy_strategy s)
{
    for (unsigned i = 0; i < r->n_try; i++)
        if (r->try[i] == s)
            return true;
    return false;
}

/* Would TLS be put under http://host:port, enforced, and lead to that port of https? */
static bool leads_to(const struct conn *c, const struct http1_authority *https, uint16_t port)
{
    const char *names[] = {https->host};
    struct policy_target t = {
        .names = names, .n_names = 1, .request_name = https->host, .no_address = true, .port = port};
    struct policy_verdict v;
    uint16_t wanted = https->port ? https->port : PORT_HTTPS;
    policy_decide(c->policy, &t, &v);
    if (!v.rule || v.level < LEVEL_ENCRYPT || v.level > LEVEL_SECURE || v.rule->mode == MODE_TESTING)
        return false;
    uint16_t implicit = v.rule->implicit_port ? v.rule->implicit_port : port == PORT_HTTP ? PORT_HTTPS : port;
    return (has_strategy(v.rule, STRATEGY_IMPLICIT) && implicit == wanted) ||
           (has_strategy(v.rule, STRATEGY_UPGRADE) && port == PORT_HTTP && wanted == PORT_HTTPS);
}

static bool is_carried(void *context, const struct http1_authority *https, uint16_t *port)
{
    const struct conn *c = context;
    uint16_t wanted = https->port ? https->port : PORT_HTTPS;
    const uint16_t ports[] = {wanted == PORT_HTTPS ? PORT_HTTP : wanted, c->port};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        *port = ports[i];
        if (leads_to(c, https, *port))
            return true;
    }
    return false;
}

/* ---- heads ---- */

void incoming_asked(struct conn *c, const struct http1_request *r)
{
    buffer_free(&c->asked);
    if (!r->absolute_form && r->target.len)
        buffer_append(&c->asked, r->target.at, r->target.len, HTTP1_HEAD_MAX);
}

/* The server sends the program from http to https, which for it is the same: what it wants lives on the port
 * of https. The next connection goes there, and there has to be a next one. */
static void turn(struct conn *c)
{
    if (c->trying == STRATEGY_IMPLICIT || !has_strategy(c->verdict.rule, STRATEGY_IMPLICIT))
        return;
    memory_learn(c, STRATEGY_IMPLICIT);
    c->turning = true;
}

static void give_head(struct conn *c, size_t len)
{
    const char *head = buffer_at(&c->reply);
    size_t cap = len + GROWTH, n = 0;
    char *out = malloc(cap);
    struct http1_rewrite how = {.carried = is_carried,
                                .context = c,
                                .asked = c->has_authority ? &c->authority : NULL,
                                .target = {buffer_at(&c->asked), buffer_len(&c->asked)}};
    if (out)
        n = http1_rewrite_head(head, len, &how, out, cap);
    buffer_append(&c->sifted, n ? out : head, n ? n : len, SIZE_MAX);
    free(out);
    if (n && how.loops)
        turn(c);
}

/* Bytes at buf that belong to a head; the whole head goes on. Returns how many were taken. */
static size_t gather(struct conn *c, const char *buf, size_t len)
{
    size_t had = buffer_len(&c->reply), kept = buffer_append(&c->reply, buf, len, HTTP1_HEAD_MAX + len);
    ssize_t end = http1_head_end(buffer_at(&c->reply), buffer_len(&c->reply), HTTP1_HEAD_MAX);
    if (kept == len && end == 0)
        return len;
    size_t head = end > 0 ? (size_t)end : buffer_len(&c->reply);
    incoming_watch(c, buffer_at(&c->reply), head);
    if (end > 0)
        give_head(c, head);
    else
        buffer_append(&c->sifted, buffer_at(&c->reply), head, SIZE_MAX);
    buffer_free(&c->reply);
    return head - had;
}

/* How many bytes from here on belong to a body, or to something whose framing is not known. */
static size_t body_at(const struct conn *c, const char *buf, size_t len)
{
    if (c->flow.lost || c->flow.tunnel)
        return len;
    struct http1_body probe = c->flow.in;
    return probe.state == BODY_DONE ? 0 : http1_body_feed(&probe, buf, len);
}

size_t incoming_sift(struct conn *c, const char *buf, size_t len, bool in_place)
{
    in_place = in_place && !buffer_len(&c->reply) && !buffer_len(&c->sifted);
    size_t stays = in_place ? body_at(c, buf, len) : 0;
    size_t at = stays;
    incoming_watch(c, buf, stays);
    while (at < len) {
        size_t n = buffer_len(&c->reply) ? 0 : body_at(c, buf + at, len - at);
        if (n) {
            incoming_watch(c, buf + at, n);
            buffer_append(&c->sifted, buf + at, n, SIZE_MAX);
        } else {
            n = gather(c, buf + at, len - at);
        }
        at += n;
    }
    return stays;
}

void incoming_end(struct conn *c)
{
    size_t len = buffer_len(&c->reply);
    if (!len)
        return;
    incoming_watch(c, buffer_at(&c->reply), len);
    buffer_append(&c->sifted, buffer_at(&c->reply), len, SIZE_MAX);
    buffer_free(&c->reply);
}

bool incoming_take(struct conn *c, char *buf, size_t cap, size_t *got)
{
    size_t n = buffer_len(&c->sifted) < cap ? buffer_len(&c->sifted) : cap;
    if (!n)
        return false;
    memcpy(buf, buffer_at(&c->sifted), n);
    buffer_consume(&c->sifted, n);
    *got = n;
    return true;
}
