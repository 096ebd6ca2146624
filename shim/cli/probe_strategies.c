/* SPDX-License-Identifier: MIT */
/* The ways to TLS, as shim/negotiate/ goes them, on a connection of the probe's own. */
#include <stdarg.h>
#include <string.h>

#include "shim/cli/probe.h"
#include "shim/http1/ask.h"

#define NS_PER_MS 1000000ULL

bool probe_end(struct probe_attempt *a, enum probe_result result, const char *format, ...)
{
    va_list args;

    a->result = result;
    va_start(args, format);
    vsnprintf(a->reason, sizeof(a->reason), format, args);
    va_end(args);
    return false;
}

static void set_host(struct http1_authority *to, const struct url *url)
{
    snprintf(to->host, sizeof(to->host), "%s", url->host);
    to->kind = !url->is_address ? HOST_NAME : strchr(url->host, ':') ? HOST_IPV6 : HOST_IPV4;
}

struct http1_authority probe_authority(const struct probe *p)
{
    struct http1_authority to = {.port = p->url.port == 80 ? 0 : p->url.port};

    set_host(&to, &p->url);
    return to;
}

uint16_t probe_usual_port(const struct probe *p)
{
    return p->url.port == 80 ? 443 : p->url.port;
}

uint16_t probe_rule_port(const struct probe *p)
{
    return p->rule.implicit_port ? p->rule.implicit_port : probe_usual_port(p);
}

/* RFC 2817 section 3.2 */
static bool upgrade(const struct probe *p, struct probe_attempt *a)
{
    static char head[HTTP1_HEAD_MAX];
    struct http1_authority to = probe_authority(p);
    struct http1_response r = {0};
    char ask[640];
    const char *error = NULL;
    size_t len = http1_ask_upgrade(&to, p->rule.tokens, ask, sizeof(ask));

    if (!probe_dial(p, a, p->url.port) || !probe_quiet(a, "the server spoke before it was asked") ||
        !probe_send(a, ask, len) || !probe_take_head(a, head, &len, &r))
        return false;
    if (r.status != 101)
        return probe_end(a, PROBE_REFUSED, "the server answered %u to the upgrade to TLS%s", r.status,
                         r.has_upgrade ? " (it advertises one, but did not switch)" : "");
    if (!http1_switches_to_tls(head, len, &error))
        return probe_end(a, PROBE_TAMPERED, "the 101 is wrong: %s", error);
    return probe_quiet(a, "bytes came right behind the 101") && probe_secure(p, a) && probe_answered(p, a);
}

/* RFC 2818, RFC 9110 section 4.2.2 */
static bool implicit(const struct probe *p, struct probe_attempt *a)
{
    return probe_dial(p, a, a->tls_port) && probe_secure(p, a) && probe_ask_inside(p, a);
}

/* RFC 9110 section 9.3.6 */
static bool through_proxy(const struct probe *p, struct probe_attempt *a)
{
    static char head[HTTP1_HEAD_MAX];
    struct http1_authority to = {.port = a->tls_port};
    struct http1_response r = {0};
    char host[HTTP1_HOST_MAX + 16], ask[2 * sizeof(host) + 64];
    size_t len;

    set_host(&to, &p->url);
    http1_format_authority(&to, host, sizeof(host));
    len = (size_t)snprintf(ask, sizeof(ask), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host);
    if (!probe_dial(p, a, p->proxy.port) || !probe_quiet(a, "the proxy spoke before it was asked") ||
        !probe_send(a, ask, len) || !probe_take_head(a, head, &len, &r))
        return false;
    if (r.status / 100 != 2)
        return probe_end(a, PROBE_REFUSED, "the proxy answered %u to CONNECT %s%s", r.status, host,
                         r.status == 407 ? " (it wants a password)" : "");
    return probe_quiet(a, "bytes came right behind the answer to CONNECT") && probe_secure(p, a) &&
           probe_ask_inside(p, a);
}

static void go(const struct probe *p, struct probe_attempt *a, enum policy_strategy strategy,
               uint16_t tls_port)
{
    static bool (*const ways[STRATEGY_COUNT])(const struct probe *, struct probe_attempt *) = {
        [STRATEGY_UPGRADE] = upgrade, [STRATEGY_IMPLICIT] = implicit, [STRATEGY_CONNECT] = through_proxy};
    unsigned timeout_ms = p->timeout_ms ? p->timeout_ms : p->rule.timeout_ms;

    a->strategy = strategy;
    a->tls_port = tls_port;
    a->result = PROBE_WORKS;
    a->fd = -1;
    a->begun_ns = probe_now();
    a->deadline_ns = a->begun_ns + timeout_ms * NS_PER_MS;
    ways[strategy](p, a);
    a->ms = (unsigned)((probe_now() - a->begun_ns) / NS_PER_MS);
    probe_close(p, a);
}

void probe_try(const struct probe *p, struct probe_attempt *a, enum policy_strategy strategy,
               uint16_t tls_port)
{
    memset(a, 0, sizeof(*a));
    a->shows_cert = probe_shows_cert(p, strategy);
    go(p, a, strategy, tls_port);
    if (!a->stranger)
        return;
    p->engine->free(a->tls); /* again, without ours: who is it? */
    memset(a, 0, sizeof(*a));
    go(p, a, strategy, tls_port);
}
