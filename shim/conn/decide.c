/* SPDX-License-Identifier: MIT */
/*
 * Where the policy meets a connection: what is known, what the verdict is, and what follows from a failure.
 * The one place that may enter CONN_PLAIN is here.
 */
#include "shim/audit/fmt.h"
#include "shim/conn/buffer.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/memory.h"
#include "shim/conn/proxy.h"
#include "shim/conn/socket.h"
#include "shim/conn/tries.h"
#include "shim/real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define NS_PER_MS 1000000ULL

/* ---- what is known ---- */

static bool in_resolved_set(const struct conn *c, const char *name)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (strcmp(c->names[i], name) == 0)
            return true;
    return false;
}

/* Host chooses within the resolver's set; outside the set, all count and the strictest result holds. */
static void look_up(struct conn *c)
{
    const char *names[CONN_NAMES_MAX + 1];
    size_t n = 0;
    if (proxy_look_up(c))
        return;
    const char *host = c->has_authority ? c->authority.host : NULL; /* a literal is looked up as an address */
    bool chosen = host && in_resolved_set(c, host);
    c->conflict = host && c->n_names > 0 && !chosen;
    if (!chosen)
        for (size_t i = 0; i < c->n_names; i++)
            names[n++] = c->names[i];
    if (host)
        names[n++] = host;
    struct policy_target target = {
        .names = names, .n_names = n, .request_name = host, .address = c->address, .port = c->port};
    policy_decide(c->policy, &target, &c->verdict);
}

static void copy_name(char out[POLICY_NAME_MAX + 1], const char *name)
{
    size_t len = strnlen(name, POLICY_NAME_MAX);
    memcpy(out, name, len);
    out[len] = 0;
}

/* RFC 9525 section 6.1: the reference identity comes from the rule, the request, or the resolver: never from
 * DNS data that the request did not name. False: there is none. */
static bool find_identity(struct conn *c)
{
    const struct policy_rule *rule = c->verdict.rule;
    c->identity_is_address = false;
    if (rule->match)
        copy_name(c->identity, rule->match);
    else if (c->verdict.level == LEVEL_SECURE && rule->literal_name)
        copy_name(c->identity, rule->literal_name);
    else if (c->has_authority)
        copy_name(c->identity, c->authority.host);
    else if (c->n_names > 0)
        copy_name(c->identity, c->names[0]);
    else
        return false;
    struct policy_address address;
    c->identity_is_address = policy_parse_address(c->identity, &address);
    return true;
}

/* OPTIONS needs a Host even where the request has none (HTTP/1.0): the name or address that it would have
 * been. */
static void find_authority(struct conn *c)
{
    struct http1_authority *a = &c->authority;
    if (c->has_authority)
        return;
    const uint8_t *bytes = c->address.bytes;
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    bool v4 = memcmp(bytes, mapped, sizeof mapped) == 0;
    if (c->identity[0] && !c->identity_is_address) {
        a->kind = HOST_NAME;
        memcpy(a->host, c->identity, sizeof c->identity);
    } else {
        a->kind = v4 ? HOST_IPV4 : HOST_IPV6;
        inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + sizeof mapped : bytes, a->host, sizeof a->host);
    }
    a->port = c->port;
}

/* ---- the verdict ---- */

static void refuse(struct conn *c, const char *result_type, const char *why)
{
    CONN_FAIL(c, FAILURE_POLICY, EACCES, result_type, why);
}

/* HTTP, and nobody can tell whom it is for. */
static void refuse_unusable(struct conn *c, bool too_large)
{
    enum conn_failure kind = c->proxied ? FAILURE_STRANGER : FAILURE_POLICY;
    if (too_large)
        CONN_FAIL(c, kind, EACCES, "tlsup-not-http", "the request's head is larger than 16 KiB");
    else
        CONN_FAIL(c, kind, EACCES, "tlsup-bad-host", "the request's authority is malformed or given twice");
}

static void begin(struct conn *c)
{
    enum conn_failure kind;
    int error;
    c->begun_ns = now_ns();
    c->deadline_ns = c->begun_ns + c->verdict.rule->timeout_ms * NS_PER_MS;
    if (memory_recall(c, &kind, &error))
        conn_fail(c, kind, error, c->result_type, (const char *const[]){c->reason, NULL});
    else
        tries_next(c);
}

/* What was found out about the bytes that are held. */
enum finding {
    FOUND_HTTP,
    FOUND_HTTP2,
    FOUND_NAMES_ONLY,
    FOUND_NOT_HTTP,
    FOUND_BAD_AUTHORITY,
    FOUND_TOO_LARGE
};

/* HTTP/2 is negotiated in the handshake (RFC 9113 section 3.2): nothing but TLS from the first byte leads
 * there. */
static bool carries_http2(const struct policy_rule *r)
{
    for (unsigned i = 0; i < r->n_try; i++)
        if (r->try[i] == STRATEGY_IMPLICIT)
            return true;
    return false;
}

static bool is_other_protocol(enum finding found)
{
    return found == FOUND_NOT_HTTP || found == FOUND_HTTP2;
}

static bool is_unusable(enum finding found)
{
    return found == FOUND_BAD_AUTHORITY || found == FOUND_TOO_LARGE;
}

static bool http_is_needed(struct conn *c, enum finding found)
{
    c->http2 = found == FOUND_HTTP2 && carries_http2(c->verdict.rule);
    if (found == FOUND_HTTP || found == FOUND_NAMES_ONLY || c->http2)
        return false;
    if ((c->verdict.level <= LEVEL_MAY && !(c->proxied && is_unusable(found))) ||
        (is_other_protocol(found) && c->verdict.rule->non_http_pass)) {
        conn_enter_plain(c, is_other_protocol(found) ? "not HTTP" : "the request's head is unusable",
                         "allowed-plain");
        return true;
    }
    if (is_unusable(found))
        refuse_unusable(c, found == FOUND_TOO_LARGE);
    else if (found == FOUND_HTTP2)
        refuse(c, "tlsup-not-http", "what the program sends is HTTP/2, which only try=implicit carries");
    else
        refuse(c, "tlsup-not-http", "what the program sends is not HTTP/1");
    return true;
}

static void settle(struct conn *c, enum finding found)
{
    if (c->decided)
        return;
    look_up(c);
    if (c->proxied && found == FOUND_NAMES_ONLY) /* whom half a request is for is not known: a proxy waits */
        return;
    c->decided = true;
    if (c->verdict.level == LEVEL_NONE && !(c->proxied && is_unusable(found))) {
        conn_enter_plain(c, c->verdict.rule ? "level none" : "no line matches", "bypass");
        return;
    }
    if (c->verdict.level == LEVEL_REJECT) {
        refuse(c, "tlsup-rejected", "the policy rejects this destination");
        return;
    }
    if (http_is_needed(c, found) || (c->proxied && !proxy_wants_tunnel(c)))
        return;
    bool have_identity = find_identity(c);
    if (c->verdict.check_chain && !have_identity) {
        refuse(c, "tlsup-no-identity", "no name to check the certificate against");
        return;
    }
    if (c->verdict.level == LEVEL_SECURE && c->conflict) {
        CONN_FAIL(c, FAILURE_CERTIFICATE, EKEYREJECTED, "certificate-host-mismatch",
                  "the request names a host that the dialled address was not resolved for");
        return;
    }
    find_authority(c);
    begin(c);
}

void conn_sniff(struct conn *c)
{
    struct http1_request r;
    switch (http1_parse_request(buffer_at(&c->hold), buffer_len(&c->hold), &r)) {
    case REQUEST_PARTIAL: return;
    case REQUEST_TOO_LARGE: settle(c, FOUND_TOO_LARGE); return;
    case REQUEST_OTHER: settle(c, FOUND_NOT_HTTP); return;
    case REQUEST_HTTP2: settle(c, FOUND_HTTP2); return;
    case REQUEST_HTTP1: break;
    }
    if (r.has_authority) {
        c->authority = r.authority;
        c->has_authority = true;
    }
    c->asks = proxy_asks(&r);
    settle(c, r.bad_authority ? FOUND_BAD_AUTHORITY : FOUND_HTTP);
}

void conn_decide_anyway(struct conn *c)
{
    /* A thread that only reads says nothing about one that is still writing. */
    if (c->state == CONN_SNIFF && pthread_equal(c->sender, pthread_self()))
        settle(c, FOUND_NAMES_ONLY);
}

void conn_decide_at_connect(struct conn *c)
{
    settle(c, FOUND_NAMES_ONLY);
}

enum conn_rc conn_server_spoke(struct conn *c)
{
    char byte;
    ssize_t n = conn_recv_now(c->fd, &byte, 1, MSG_PEEK);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? RC_AGAIN : RC_PASS;
    if (c->share.there || !conn_claim(c)) /* an answer to another process; a read will say so */
        return RC_PASS;
    look_up(c);
    c->decided = true;
    if (c->verdict.level <= LEVEL_MAY)
        conn_enter_plain(c, "the server speaks first",
                         c->verdict.level == LEVEL_NONE ? "bypass" : "allowed-plain");
    else
        CONN_FAIL(c, FAILURE_TAMPERED, EPROTO, "tlsup-response-injection",
                  "the server spoke before it was asked");
    return RC_OK;
}

bool conn_covers(const struct conn *c, const struct http1_request *r)
{
    if (c->proxied)
        return proxy_covers(c, r);
    if (!c->verdict.check_chain || !r->has_authority)
        return !r->bad_authority;
    const char *host = r->authority.host;
    if (c->has_authority)
        return strcmp(c->authority.host, host) == 0;
    /* Decided before the head was complete: the names known then did, and the head has to agree with them. */
    return strcmp(c->identity, host) == 0 || (c->verdict.rule->match && in_resolved_set(c, host));
}
