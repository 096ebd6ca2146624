/* SPDX-License-Identifier: MIT */
/* The line of a policy that fits this server best: the strictest level that would succeed. */
#include <stdarg.h>
#include <string.h>

#include "policy/base64.h"
#include "shim/cli/probe.h"

struct choice {
    const struct probe_attempt *by; /* NULL: there is no TLS */
    const struct probe_trust *trust;
    enum policy_level level;
    bool by_match; /* the certificate is for the rule's match= */
};

/* ---- which ---- */

static bool accepts(const struct probe *p, const struct choice *c, const char *identity)
{
    struct policy_address unused;
    struct tls_peer peer = {.identity = identity,
                            .identity_is_address = policy_parse_address(identity, &unused)};
    struct tls_error found;

    probe_judge(p, c->by, c->trust, c->level == LEVEL_SECURE, &peer, &found);
    return found.failure == TLS_FAIL_NONE;
}

/* The strictest level at which one of the stores vouches for the server; else its key has to do. */
static struct choice best_of(const struct probe *p, const struct probe_attempt *a)
{
    const char *match = p->rule.match;
    struct choice c = {.by = a, .level = LEVEL_SECURE};

    for (; c.level >= LEVEL_VERIFY; c.level--) {
        for (size_t i = 0; i < p->n_stores; i++) {
            c.trust = &p->stores[i];
            c.by_match = !accepts(p, &c, p->url.host);
            if (!c.by_match || (match && accepts(p, &c, match)))
                return c;
        }
    }
    return (struct choice){.by = a, .level = LEVEL_FINGERPRINT};
}

static bool choose(const struct probe *p, struct choice *out)
{
    bool refused = false;

    *out = (struct choice){.level = LEVEL_NONE};
    for (size_t i = 0; i < p->n_attempts; i++) {
        const struct probe_attempt *a = &p->attempts[i];

        refused |= a->result != PROBE_UNREACHABLE && a->result != PROBE_FAILED;
        if (a->result == PROBE_WORKS) {
            struct choice c = best_of(p, a);

            if (c.level > out->level)
                *out = c;
        }
    }
    if (out->by)
        return true;
    /* it may have TLS one day; until then what is sent can be read. Tampering fails at every level. */
    out->level = LEVEL_MAY;
    return refused && p->levels[LEVEL_MAY].action == PROBE_PLAIN;
}

/* ---- how it is written ---- */

__attribute__((format(printf, 2, 3))) static void put(struct probe *p, const char *format, ...)
{
    size_t len = strlen(p->lines);
    va_list args;

    va_start(args, format);
    vsnprintf(p->lines + len, sizeof(p->lines) - len, format, args);
    va_end(args);
}

static void put_destination(struct probe *p, const struct url *url, enum policy_level level)
{
    bool v6 = url->is_address && strchr(url->host, ':');

    put(p, "%s%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "");
    if (url->port != 80)
        put(p, ":%u", url->port);
    put(p, "  %s", policy_level_name(level));
}

/* Where TLS is found. A way that works is named even if it is one of the usual ones: nothing is asked in the
 * clear before it, and no other is tried in vain. */
static void put_way(struct probe *p, const struct choice *c)
{
    if (c->by->strategy == STRATEGY_IMPLICIT)
        put(p, "  try=implicit");
    if (c->by->strategy != STRATEGY_UPGRADE && c->by->tls_port != probe_usual_port(p))
        put(p, "  implicit-port=%u", c->by->tls_port);
}

static void put_identity(struct probe *p, const struct choice *c)
{
    const char *servername = p->servername ? p->servername : p->rule.servername;
    struct policy_pin pin;
    char base64[BASE64_PIN_CHARS + 1];

    if (c->level == LEVEL_FINGERPRINT) {
        memcpy(pin.sha256, c->by->info.peer_spki, sizeof(pin.sha256));
        base64_write_pin(&pin, base64);
        put(p, "  pin=sha256//%s", base64);
    } else if (c->by_match) {
        put(p, "  match=%s", p->rule.match);
    } else if (c->level == LEVEL_SECURE && strcmp(p->url.host, "localhost") == 0) {
        put(p, "  match=localhost"); /* the word means more than the name */
    }
    if (c->trust && c->trust->ca)
        put(p, "  ca=%s", c->trust->ca);
    if (servername)
        put(p, "  servername=%s", servername);
}

void probe_suggest(struct probe *p)
{
    struct choice c;

    if (!choose(p, &c))
        return;
    p->best = c.level;
    put_destination(p, &p->url, c.level);
    if (c.by) {
        put_way(p, &c);
        put_identity(p, &c);
    }
    put(p, "\n");
    if (c.by && c.by->strategy == STRATEGY_CONNECT) {
        put_destination(p, &p->proxy, LEVEL_VERIFY);
        put(p, "  proxy=yes  try=connect\n");
    }
}
